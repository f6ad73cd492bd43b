"""Classifies photos with a pushed SavedModel and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from components.out_of_memory import ShrinkingBatches
from components.serving.classification import NO_IMAGE, Answer, RefusedPhotosError
from components.serving.model_folder import read_classes, version_folder
from schemas import serving
from schemas.errors import ModelError

_NO_ROOM = "end other programs, or set CUDA_VISIBLE_DEVICES=-1 to leave out the GPU."


class PushedModel:
    """A SavedModel with the signatures of `schemas.serving`."""

    # While one batch is read, another is computed; TensorFlow itself divides a batch among cores.
    at_once = 2

    def __init__(self, folder: Path) -> None:
        """Loads a model.

        Args:
            folder: of one version, or of all versions, of which the newest is taken.

        Raises:
            ModelError: if there is no model, or not one of this project.
        """
        self.folder = version_folder(folder)
        self.classes = read_classes(self.folder)
        self.class_count = len(self.classes)
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
        self._batches = ShrinkingBatches(_NO_ROOM)

    def classify(self, contents: Sequence[bytes]) -> list[Answer]:
        """Classifies files that TensorFlow's decoders read, fewer at a time where memory runs out.

        Raises:
            RefusedPhotosError: if one of them cannot be decoded.
            PipelineError: if there is not memory enough for a single photo.
        """
        return self._batches.ask(self._answers, contents)

    def _answers(self, contents: Sequence[bytes]) -> list[Answer]:
        try:
            outputs = self._classify(**{serving.IMAGE_BYTES_INPUT: tf.constant(contents)})
        except tf.errors.InvalidArgumentError as error:
            raise RefusedPhotosError(NO_IMAGE) from error
        labels = outputs[serving.LABEL_OUTPUT].numpy().tolist()
        probabilities = outputs[serving.PROBABILITIES_OUTPUT].numpy().tolist()
        return [
            Answer(label.decode(), row) for label, row in zip(labels, probabilities, strict=True)
        ]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
