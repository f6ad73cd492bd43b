"""Has TFMA measure what models said, slice by slice, and compare it with thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa

# TFX first: it stands in for a module of tfx_bsl that TFDV 1.16 imports and 1.21 lacks.
import tfx.components.evaluator.executor  # noqa: F401  # isort: skip
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api.types import EvalSharedModel
from tensorflow_model_analysis.proto import config_pb2

from components.evaluator.answers import BASELINE, PROBABILITIES, Answers
from components.evaluator.eval_config import LABEL_INDEX, slice_value
from components.evaluator.slices import Names


class Validate(beam.PTransform):
    """From answers to TFMA's files: metrics, plots, and which thresholds were missed."""

    def __init__(
        self,
        answers: Answers,
        sliced: Mapping[str, Names],
        config: config_pb2.EvalConfig,
        folder: str,
    ) -> None:
        """Describes the work.

        Args:
            answers: of one or two models.
            sliced: by feature, the slice that each photo is in.
            config: from `components.evaluator.eval_config.eval_config`.
            folder: where to.
        """
        super().__init__()
        self._batch = _record_batch(answers, sliced)
        self._config = config
        self._folder = folder

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Builds the pipeline."""
        return (
            pipeline
            | beam.Create([self._batch])
            | tfma.ExtractEvaluateAndWriteResults(
                eval_config=self._config,
                eval_shared_model=[_answered(spec) for spec in self._config.model_specs],
                output_path=self._folder,
            )
        )


def _answered(spec: config_pb2.ModelSpec) -> EvalSharedModel:
    """Tells TFMA that the predictions of a model are in the examples."""
    return EvalSharedModel(
        model_name=spec.name,
        model_type=tfma.constants.MATERIALIZED_PREDICTION,
        is_baseline=spec.is_baseline,
        rubber_stamp=not spec.is_baseline,  # The first model is blessed without one.
    )


def _record_batch(answers: Answers, sliced: Mapping[str, Names]) -> pa.RecordBatch:
    columns: dict[str, Any] = {
        LABEL_INDEX: [[label] for label in answers.labels.tolist()],
        PROBABILITIES: list(answers.probabilities),
        **{
            feature: [[slice_value(name).encode()] for name in names.tolist()]
            for feature, names in sliced.items()
        },
    }
    if answers.baseline is not None:
        columns[BASELINE] = list(answers.baseline)
    return pa.RecordBatch.from_pydict(columns)
