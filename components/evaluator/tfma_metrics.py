"""Our metrics as TFMA's: it computes them for each slice and both models, and checks thresholds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np

# TFX first: it stands in for a module of tfx_bsl that TFDV 1.16 imports and 1.21 lacks.
import tfx.components.evaluator.executor  # noqa: F401  # isort: skip
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.evaluator.metrics import METRICS, by_class, confusion_matrix, metrics

BY_CLASS = ("precision", "recall", "f1_score")

_Rows = list[tuple[int, np.ndarray]]


class ClassifierMetrics(metric_types.Metric):
    """Each of `components.evaluator.metrics.METRICS`, and those of each class under its number."""

    def __init__(self, name: str = "classifier_metrics") -> None:
        """Describes the metrics.

        Args:
            name: not used; TFMA wants one.
        """
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


metric_types.register_metric(ClassifierMetrics)


def _computations(
    name: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
) -> metric_types.MetricComputations:
    del name

    def key(metric: str, number: int | None = None) -> metric_types.MetricKey:
        return metric_types.MetricKey(
            name=metric,
            model_name=model_name,
            output_name=output_name,
            sub_key=None if number is None else metric_types.SubKey(class_id=number),
            # Not False: only so does TFMA find the thresholds of a metric that has several names.
            example_weighted=None,
        )

    overall = [key(metric) for metric in METRICS]
    return [
        metric_types.MetricComputation(
            keys=overall,
            preprocessors=None,
            combiner=_Combiner(overall[0], key, eval_config),
        )
    ]


class _Combiner(beam.CombineFn):
    """Brings the rows of a slice together: a number and a float32 a class for each photo."""

    def __init__(self, own: metric_types.MetricKey, key: Any, eval_config: Any) -> None:
        self._own = own
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> _Rows:
        return []

    def add_input(self, accumulator: _Rows, element: metric_types.StandardMetricInputs) -> _Rows:
        label, probabilities, _ = next(
            metric_util.to_label_prediction_example_weight(
                element,
                eval_config=self._eval_config,
                model_name=self._own.model_name,
                output_name=self._own.output_name,
                flatten=False,
            )
        )
        accumulator.append((int(np.asarray(label).item()), np.asarray(probabilities)))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[_Rows]) -> _Rows:
        return [row for rows in accumulators for row in rows]

    def extract_output(self, accumulator: _Rows) -> dict[metric_types.MetricKey, float]:
        labels = np.array([label for label, _ in accumulator], np.int64)
        probabilities = np.array([row for _, row in accumulator])
        found = {self._key(name): value for name, value in metrics(labels, probabilities).items()}
        classes = by_class(confusion_matrix(labels, probabilities))
        for name in BY_CLASS:
            for number, value in enumerate(getattr(classes, name)):
                found[self._key(name, number)] = float(value)
        return found
