"""Measures what a model says of photos: metrics with their intervals, classes, slices, baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from components.evaluator.answers import Answers
from components.evaluator.intervals import (
    gain_interval,
    metric_intervals,
    proportion_interval,
)
from components.evaluator.measured import Baseline, ClassMeasured, Measured, SliceMeasured
from components.evaluator.metrics import auc_by_class, by_class, confusion_matrix, metrics
from components.evaluator.slices import Names, in_order

# Of the draws behind the intervals: the same photos give the same ones.
_SEED = 42


def measure(answers: Answers, slices: Mapping[str, Names]) -> Measured:
    """Measures what a model says of some photos.

    Args:
        answers: at least one photo.
        slices: by feature, the slice that each photo is in.
    """
    labels, probabilities, baseline = answers.labels, answers.probabilities, answers.baseline
    confusion = confusion_matrix(labels, probabilities)
    return Measured(
        photos=len(labels),
        metrics=_finite(metrics(labels, probabilities)),
        intervals=metric_intervals(labels, probabilities, _SEED),
        confusion={
            actual: dict(zip(answers.classes, row, strict=True))
            for actual, row in zip(answers.classes, confusion.astype(int).tolist(), strict=True)
        },
        classes=_classes(answers, confusion),
        slices=[
            _slice(answers, names == name, feature, name)
            for feature, names in slices.items()
            for name in in_order(names.tolist())
        ],
        baseline=(
            None
            if baseline is None
            else Baseline(
                _finite(metrics(labels, baseline)),
                *gain_interval(labels, probabilities, baseline),
            )
        ),
    )


def _classes(answers: Answers, confusion: np.ndarray) -> list[ClassMeasured]:
    measured = by_class(confusion)
    areas = auc_by_class(answers.labels, answers.probabilities)
    return [
        ClassMeasured(
            label=label,
            photos=(photos := round(confusion[number].sum())),
            recall=_number(measured.recall[number]),
            interval=(
                proportion_interval(round(confusion[number, number]), photos) if photos else None
            ),
            precision=_number(measured.precision[number]),
            f1_score=_number(measured.f1_score[number]),
            auc=_number(areas[number]),
        )
        for number, label in enumerate(answers.classes)
    ]


def _slice(answers: Answers, chosen: np.ndarray, feature: str, value: str) -> SliceMeasured:
    labels = answers.labels[chosen]
    right = int((answers.probabilities[chosen].argmax(axis=1) == labels).sum())
    baseline = None
    if answers.baseline is not None:
        baseline = float((answers.baseline[chosen].argmax(axis=1) == labels).mean())
    return SliceMeasured(
        feature=feature,
        value=value,
        photos=len(labels),
        accuracy=right / len(labels),
        interval=proportion_interval(right, len(labels)),
        baseline_accuracy=baseline,
    )


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if math.isfinite(value) else None
