"""Keras' own format: an archive with the architecture and the weights.

The class names lie in it as `classes.json`, a member that Keras leaves alone.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from schemas import serving


def write(
    model: keras.Model,
    file: Path,
    *,
    classes: Sequence[str],
    quantization: str,
    representative: np.ndarray,
) -> None:
    """See `components.model_export.export.FormatModule`."""
    del quantization, representative  # There is one way to write it.
    model.save(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(serving.CLASSES_ASSET, json.dumps(list(classes)))


def opened(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """See `components.model_export.export.FormatModule`."""
    model = keras.saving.load_model(file, compile=False, safe_mode=True)
    return lambda photos: np.asarray(model(photos, training=False))
