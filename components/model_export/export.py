"""Writes a pushed model in another format, and keeps the file only if it answers the same."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from components.model_export.agreement import LIMITS, Agreement, compare, reason_to_refuse
from components.model_export.formats import INT8, NONE, ExportFormat
from components.model_export.photos import PhotoSource
from components.serving.classification import Photo, classified
from components.serving.classifier import load_classifier
from components.serving.pushed_model import PushedModel
from components.transform.preprocessing import decode_photos
from schemas import features
from schemas.errors import ConfigError, DataError, ModelError, printable

# More say nothing new, and take minutes.
_MOST_EVALUATED = 500

# As TensorFlow Lite's guide advises for the ranges of activations: some hundred.
_REPRESENTATIVE = 200

_BATCH_SIZE = 32


class FormatModule(Protocol):
    """What a module of a format offers."""

    def write(
        self,
        model: keras.Model,
        file: Path,
        *,
        classes: Sequence[str],
        quantization: str,
        representative: np.ndarray,
    ) -> None:
        """Writes a file.

        Args:
            model: from photos (batch, size, size, 3), RGB in [0, 255], to float32 probabilities
                (batch, classes).
            file: where to.
            classes: their names, which the file carries.
            quantization: of `formats`.
            representative: uint8 (photos, size, size, 3), of the kind that the model will see;
                empty unless the quantization is int8.
        """

    def opened(self, file: Path) -> Callable[[np.ndarray], np.ndarray]:
        """Loads such a file into its runtime.

        Returns:
            From uint8 (batch, size, size, 3), RGB, to float32 probabilities (batch, classes).
        """


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        file: where it is.
        size_mb: of it, in MB (1,000,000 bytes).
        model_size_mb: of the SavedModel.
        agreement: of both.
    """

    file: Path
    size_mb: float
    model_size_mb: float
    agreement: Agreement


def export_model(
    version: Path, file: Path, *, kind: ExportFormat, quantization: str, photos: PhotoSource
) -> Exported:
    """Exports a model, and checks the file in its own runtime.

    Args:
        version: the folder of a pushed version.
        file: where to; replaced if there is one, and only by a whole one that passed.
        kind: the format.
        quantization: one of its quantizations.
        photos: to check with, and to calibrate int8 with.

    Raises:
        ModelError: if the model is damaged or not one of ours, or the file does not answer as
            the SavedModel does.
        DataError: if there are no photos that can be used.
        ConfigError: if the file cannot be written.
    """
    pushed = PushedModel(version)
    model = _by_class(load_classifier(version))
    size = model.input_shape[1]
    evaluation, expected = _answered(pushed, photos.read(features.EVAL, _MOST_EVALUATED))
    calibrating = photos.read(features.TRAIN, _REPRESENTATIVE) if quantization == INT8 else []
    module: FormatModule = importlib.import_module(f"components.model_export.{kind.module}")
    partial = file.with_name(f".{file.stem}.partial{kind.suffix}")
    try:
        module.write(
            model,
            partial,
            classes=pushed.classes,
            quantization=quantization,
            representative=_pixels(calibrating, size),
        )
        answer = module.opened(partial)
        found = [answer(_pixels(batch, size)) for batch in _batches(evaluation)]
        agreement = compare(expected, np.concatenate(found))
        reason = reason_to_refuse(agreement, LIMITS[quantization])
        if reason:
            advice = "choose another format" if quantization == NONE else "use --quantize none"
            raise ModelError(
                f"{printable(str(version))} was not exported to {kind.name}: {reason}; {advice}."
            )
        os.replace(partial, file)
    except OSError as error:
        raise ConfigError(
            f"--output {printable(str(file))}: it cannot be written ({error.strerror or error}); "
            "name a file in a folder that you may write to."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return Exported(file, file.stat().st_size / 1e6, _megabytes(version), agreement)


def _by_class(classifier: keras.Model) -> keras.Model:
    """Returns a model that gives a probability for each class, of two classes, too."""
    if classifier.output_shape[1] > 1:
        return classifier
    photos = keras.Input(classifier.input_shape[1:], name="photos")
    second = classifier(photos)
    probabilities = keras.layers.Concatenate(name="probabilities")([1 - second, second])
    return keras.Model(photos, probabilities, name=f"{classifier.name}_by_class")


def _answered(pushed: PushedModel, photos: list[bytes]) -> tuple[list[bytes], np.ndarray]:
    """Asks the SavedModel; returns the photos that it can read, and float32 (photos, classes)."""
    with tempfile.TemporaryDirectory() as folder:
        files = [
            Photo(str(number), str(Path(folder, str(number)))) for number in range(len(photos))
        ]
        for file, photo in zip(files, photos, strict=True):
            Path(file.place).write_bytes(photo)
        predictions = list(classified(files, pushed))
    readable: list[bytes] = []
    rows: list[list[float]] = []
    for photo, prediction in zip(photos, predictions, strict=True):
        said = prediction.probabilities
        if isinstance(said, dict):
            readable.append(photo)
            rows.append(list(said.values()))
    if not readable:
        raise DataError("The model reads none of the evaluation photos; give others with --data.")
    return readable, np.array(rows, np.float32)


def _batches(photos: list[bytes]) -> list[list[bytes]]:
    return [photos[n : n + _BATCH_SIZE] for n in range(0, len(photos), _BATCH_SIZE)]


def _pixels(photos: list[bytes], size: int) -> np.ndarray:
    if not photos:
        return np.zeros((0, size, size, 3), np.uint8)
    return np.asarray(decode_photos(tf.constant(photos), size))


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
