"""Classifies photos with a pushed SavedModel and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.dataset.image_file import as_graph_reads, quiet_pillow
from components.serving.model_folder import read_classes, version_folder
from schemas import serving
from schemas.errors import ModelError

_BATCH_SIZE = 32

_NO_IMAGE = "not a JPEG, PNG, GIF, BMP, WebP or TIFF image, or damaged"


@dataclass(frozen=True)
class Prediction:
    """What a model says of one photo.

    Attributes:
        path: of the file, as given.
        label: the most probable class, or None if the file could not be read.
        probabilities: of each class by name, in [0, 1].
        error: why the file could not be read, or None.
    """

    path: str
    label: str | None = None
    probabilities: dict[str, float] | None = None
    error: str | None = None


class PushedModel:
    """A SavedModel with the signatures of `schemas.serving`."""

    def __init__(self, folder: Path) -> None:
        """Loads a model.

        Args:
            folder: of one version, or of all versions, of which the newest is taken.

        Raises:
            ModelError: if there is no model, or not one of this project.
        """
        self.folder = version_folder(folder)
        self.classes = read_classes(self.folder)
        try:
            self._model = tf.saved_model.load(str(self.folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise ModelError(
                f"{self.folder}: the SavedModel is damaged ({_first_line(error)}); "
                "name another version, or run the pipeline again."
            ) from error
        if serving.SERVING_BYTES not in self._model.signatures:
            present = ", ".join(sorted(self._model.signatures)) or "none"
            raise ModelError(
                f"{self.folder} has no signature {serving.SERVING_BYTES} (it has: {present}); "
                "name a model that `warmstart pipeline run` pushed."
            )
        self._classify = self._model.signatures[serving.SERVING_BYTES]

    def predict(self, paths: Sequence[str]) -> list[Prediction]:
        """Classifies files; one that cannot be read or decoded does not stop the others."""
        predictions: list[Prediction] = []
        for start in range(0, len(paths), _BATCH_SIZE):
            predictions.extend(self._predict_batch(paths[start : start + _BATCH_SIZE]))
        return predictions

    def _predict_batch(self, paths: Sequence[str]) -> list[Prediction]:
        with quiet_pillow():
            contents = [_read(path) for path in paths]
        readable = [c for c in contents if isinstance(c, bytes)]
        results = iter(self._results(readable))
        return [
            self._prediction(path, next(results))
            if isinstance(content, bytes)
            else Prediction(path, error=content.error)
            for path, content in zip(paths, contents, strict=True)
        ]

    def _results(self, contents: Sequence[bytes]) -> list[Any]:
        """Returns probabilities, or None where decoding fails, for each content."""
        if not contents:
            return []
        try:
            outputs = self._classify(**{serving.IMAGE_BYTES_INPUT: tf.constant(contents)})
        except tf.errors.InvalidArgumentError:
            if len(contents) == 1:
                return [None]
            # One broken photo fails its whole batch: halve until it is alone.
            middle = len(contents) // 2
            return self._results(contents[:middle]) + self._results(contents[middle:])
        return list(outputs[serving.PROBABILITIES_OUTPUT].numpy())

    def _prediction(self, path: str, probabilities: Any) -> Prediction:
        if probabilities is None:
            return Prediction(path, error=_NO_IMAGE)
        by_class = dict(zip(self.classes, map(float, probabilities), strict=True))
        return Prediction(path, max(by_class, key=by_class.__getitem__), by_class)


@dataclass(frozen=True)
class _Unreadable:
    error: str


def _read(path: str) -> bytes | _Unreadable:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        return _Unreadable(error.strerror or str(error))
    except ValueError as error:  # A NUL byte in the name.
        return _Unreadable(str(error))
    try:
        return as_graph_reads(content)
    except ValueError:
        return _Unreadable(_NO_IMAGE)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
