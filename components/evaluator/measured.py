"""Reads what TFMA measured of a new model."""

from __future__ import annotations

from typing import Any

import tensorflow_model_analysis as tfma

from components.evaluator.eval_config import ACCURACY


def evaluation_of_candidate(folder: str) -> tfma.EvalResult:
    """Loads what was measured of the new model, which TFMA names only beside a baseline.

    Args:
        folder: of the ModelEvaluation artifact.
    """
    beside_baseline = tfma.load_eval_result(folder, model_name=tfma.constants.CANDIDATE_KEY)
    return beside_baseline if beside_baseline.plots else tfma.load_eval_result(folder)


def overall_accuracy(folder: str) -> float:
    """Returns the new model's accuracy on all evaluation photos, in [0, 1].

    Args:
        folder: of the ModelEvaluation artifact.
    """
    slices = evaluation_of_candidate(folder).slicing_metrics
    return next(doubles(metrics)[ACCURACY] for slice_key, metrics in slices if slice_key == ())


def doubles(metrics: Any) -> dict[str, float]:
    """Unwraps TFMA's {output: {sub key: {metric: {"doubleValue": x}}}} of a single model."""
    values: dict[str, float] = {}
    for by_sub_key in metrics.values():
        for by_metric in by_sub_key.values():
            for name, value in by_metric.items():
                if "doubleValue" in value:
                    values[name] = float(value["doubleValue"])
    return values
