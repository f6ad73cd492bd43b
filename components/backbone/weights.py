"""Where the weights of a backbone come from; checked before anything heavy is imported."""

from __future__ import annotations

import hashlib
from pathlib import Path

import samples
from schemas.errors import ModelError

EMBEDDED = "embedded"
IMAGENET = "imagenet"
NONE = "none"

_SUFFIXES = (".weights.h5", ".keras")
_CHUNK = 1 << 20  # Bytes hashed at a time.


def weights_file(weights: str) -> Path | None:
    """Returns the file that holds some weights, or None where no file does.

    Args:
        weights: `embedded`, `imagenet`, `none`, or the path of a `.weights.h5` or `.keras` file.

    Raises:
        ModelError: if the file is missing or of another kind, or the embedded one is not what
            was released.
    """
    if weights in (IMAGENET, NONE):
        return None
    if weights == EMBEDDED:
        digest = sha256(samples.WEIGHTS_FILE)
        if digest != samples.WEIGHTS_SHA256:
            raise ModelError(
                f"{samples.WEIGHTS_FILE} is damaged (SHA-256 {digest}, expected "
                f"{samples.WEIGHTS_SHA256}); restore it from the repository."
            )
        return samples.WEIGHTS_FILE
    file = Path(weights)
    if not file.is_file():
        raise ModelError(
            f"backbone.weights = {weights!r} is no file; use embedded, imagenet, none or the "
            "path of a .weights.h5 or .keras file."
        )
    if not file.name.endswith(_SUFFIXES):
        raise ModelError(
            f"backbone.weights = {weights!r}: expected a file whose name ends in .weights.h5 "
            "(Keras' Model.save_weights) or .keras (Model.save)."
        )
    return file


def weights_digest(weights: str) -> str:
    """Returns the SHA-256 of a weight file, or the name of weights that no file holds.

    Raises:
        ModelError: as `weights_file`.
    """
    file = weights_file(weights)
    return weights if file is None else sha256(file)


def sha256(file: Path) -> str:
    """Returns the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
