"""Asks one or two exported models about every photo, in a Beam pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler, RunInference

from components.evaluator import answers
from components.model_artifact import classes_of
from components.out_of_memory import ShrinkingBatches
from schemas import features, serving

_BATCH_SIZE = 32

_BYTES = (features.PATH, features.LABEL)


@dataclass(frozen=True)
class LoadedModels:
    """What a worker keeps; Beam shares it by weak reference, which a list has not.

    Attributes:
        models: each with its classes, the one to be judged first.
        batches: how many photos they can be asked about at once.
    """

    models: list[tuple[Any, list[str]]]
    batches: ShrinkingBatches


class AskModels(beam.PTransform):
    """From the raw examples of a split to files of answers."""

    def __init__(self, examples: Sequence[str], models: Sequence[str], prefix: str) -> None:
        """Describes the work.

        Args:
            examples: patterns of gzipped TFRecords that ImageExampleGen wrote.
            models: folder of the SavedModel, and of the one it is compared with, if any.
            prefix: how the names of the Parquet files begin.
        """
        super().__init__()
        self._examples = examples
        self._models = models
        self._prefix = prefix

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Builds the pipeline."""
        read = [
            pipeline | f"Read[{number}]" >> beam.io.ReadFromTFRecord(pattern)
            for number, pattern in enumerate(self._examples)
        ]
        return (
            read
            | "Flatten" >> beam.Flatten()
            | "RunInference" >> RunInference(AnswersHandler(self._models))
            | "Write"
            >> beam.io.WriteToParquet(self._prefix, answers.SCHEMA, file_name_suffix=".parquet")
        )


class AnswersHandler(ModelHandler[bytes, dict[str, Any], LoadedModels]):
    """Asks the signature `serving_default`, which takes examples as they are."""

    def __init__(self, models: Sequence[str]) -> None:
        """Names the models; each worker loads them.

        Args:
            models: as in `AskModels`.
        """
        super().__init__(min_batch_size=_BATCH_SIZE, max_batch_size=_BATCH_SIZE)
        self._models = models

    def load_model(self) -> LoadedModels:
        """Loads the models, each with its classes."""
        return LoadedModels(
            [(tf.saved_model.load(folder), classes_of(folder)) for folder in self._models],
            ShrinkingBatches(),
        )

    def run_inference(
        self,
        batch: Sequence[bytes],
        model: LoadedModels,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[dict[str, Any]]:
        """Returns a row in the form of `answers.SCHEMA` for each example.

        Raises:
            PipelineError: if there is not memory enough for a single photo.
        """
        return model.batches.ask(lambda part: _rows(part, model), batch)

    def get_num_bytes(self, batch: Sequence[bytes]) -> int:
        """Returns the size of the examples; Beam would pickle them to find out."""
        return sum(map(len, batch))


def patterns_of(folders: Iterable[str]) -> list[str]:
    """Returns the patterns of the files in some folders of examples."""
    return [os.path.join(folder, "*") for folder in folders]


def _rows(batch: Sequence[bytes], model: LoadedModels) -> list[dict[str, Any]]:
    records = tf.constant(batch)
    _, wanted = model.models[0]
    said: list[npt.NDArray[np.float32]] = []
    for loaded, known in model.models:
        outputs = loaded.signatures[serving.SERVING_DEFAULT](**{serving.EXAMPLES_INPUT: records})
        probabilities = outputs[serving.PROBABILITIES_OUTPUT].numpy()
        said.append(answers.on_classes(probabilities, known, wanted))
    return [_row(record, [each[index] for each in said]) for index, record in enumerate(batch)]


def _row(record: bytes, said: Sequence[npt.NDArray[np.float32]]) -> dict[str, Any]:
    feature = tf.train.Example.FromString(record).features.feature
    return {
        **{name: feature[name].bytes_list.value[0].decode() for name in _BYTES},
        **{name: _number(feature[name]) for name in answers.NUMBERS},
        answers.PROBABILITIES: said[0].tolist(),
        answers.BASELINE: said[1].tolist() if len(said) > 1 else None,
    }


def _number(feature: Any) -> float:
    values = feature.float_list.value or feature.int64_list.value
    return float(values[0])
