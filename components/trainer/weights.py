"""Where the weights of a backbone come from; checked before anything heavy is imported."""

from __future__ import annotations

import hashlib
from pathlib import Path

import samples
from schemas.errors import ModelError

EMBEDDED = "embedded"
IMAGENET = "imagenet"
NONE = "none"


def weights_file(weights: str) -> Path | None:
    """Returns the file that holds some weights, or None where no file does.

    Raises:
        ModelError: if the file is missing, or the embedded one is not what was released.
    """
    if weights in (IMAGENET, NONE):
        return None
    if weights == EMBEDDED:
        digest = hashlib.sha256(samples.WEIGHTS_FILE.read_bytes()).hexdigest()
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
            "path of a .weights.h5 file."
        )
    if not file.name.endswith(".weights.h5"):
        raise ModelError(
            f"backbone.weights = {weights!r}: expected a file whose name ends in .weights.h5, "
            "as Keras' Model.save_weights writes it."
        )
    return file
