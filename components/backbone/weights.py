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
    """Returns the file that holds some weights, or None where no file does yet.

    Args:
        weights: `embedded`, `imagenet`, `none`, or the path of a `.weights.h5` or `.keras` file.

    Raises:
        ModelError: if the file is missing, of another kind, or not the one whose SHA-256 is
            recorded beside it; or if the embedded one is not what was released.
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
    verify(file)
    return file


def weights_digest(weights: str) -> str:
    """Returns the SHA-256 of a weight file, or the name of weights that no file holds yet.

    Raises:
        ModelError: as `weights_file`.
    """
    file = weights_file(weights)
    return weights if file is None else sha256(file)


def verify(file: Path) -> None:
    """Checks a file against the SHA-256 recorded beside it, in `FILE.sha256`, if there is one.

    Raises:
        ModelError: if the file is another.
    """
    record = checksum_file(file)
    if not record.is_file():
        return
    digest = sha256(file)
    expected = (record.read_text(encoding="utf-8", errors="replace").split() or ["nothing"])[0]
    if digest != expected.lower():
        raise ModelError(
            f"{file} is damaged or another file: its SHA-256 is {digest}, {record.name} beside it "
            f"says {expected}; put the right file there, or remove both."
        )


def checksum_file(file: Path) -> Path:
    """Returns where the SHA-256 of a file is recorded, in the format of `sha256sum`."""
    return file.with_name(f"{file.name}.sha256")


def sha256(file: Path) -> str:
    """Returns the SHA-256 of a file in hex."""
    return file_digest(file, "sha256")


def file_digest(file: Path, algorithm: str) -> str:
    """Returns a digest of a file in hex; `algorithm` is a name that hashlib knows."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
