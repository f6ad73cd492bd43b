"""What was measured of a model, in the form that a ModelEvaluation keeps: `measured.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from components.artifact_file import write_whole
from components.dataset.storage import read_bytes
from components.evaluator.metrics import ACCURACY, Interval

_FILE = "measured.json"


@dataclass(frozen=True)
class ClassMeasured:
    """What was measured of one class.

    Attributes:
        label: its name.
        photos: how many evaluation photos it has.
        recall: share of them that were recognised, or None without photos.
        interval: 95 % of the recall, or None.
        precision: share of the photos taken for it that are of it, or None without any.
        f1_score: harmonic mean of both, or None.
        auc: area under its ROC curve against all others, or None.
    """

    label: str
    photos: int
    recall: float | None
    interval: Interval | None
    precision: float | None
    f1_score: float | None
    auc: float | None


@dataclass(frozen=True)
class SliceMeasured:
    """What was measured of the photos in one slice.

    Attributes:
        feature: by which photos are told apart, one of `components.evaluator.slices.SLICES`.
        value: which of them these are.
        photos: how many.
        accuracy: share of them that were recognised.
        interval: 95 % of the accuracy.
        baseline_accuracy: of the model it is compared with, or None.
    """

    feature: str
    value: str
    photos: int
    accuracy: float
    interval: Interval
    baseline_accuracy: float | None


@dataclass(frozen=True)
class Baseline:
    """The comparison with another model on the same photos.

    Attributes:
        metrics: of the other model, by name in `components.evaluator.metrics.METRICS`.
        gain: accuracy beyond that of the other model, negative where it is lower.
        gain_interval: 95 % of the gain.
    """

    metrics: dict[str, float | None]
    gain: float
    gain_interval: Interval

    @property
    def gain_may_be_chance(self) -> bool:
        """Whether the interval holds a gain of nothing."""
        low, high = self.gain_interval
        return low <= 0 <= high


@dataclass(frozen=True)
class Measured:
    """What was measured of a model.

    Attributes:
        photos: how many it was asked about.
        metrics: by name in `components.evaluator.metrics.METRICS`; None: not to be measured.
        intervals: 95 %, by the same names; some have none, see
            `components.evaluator.intervals.metric_intervals`.
        confusion: photos by true class, then by predicted class.
        classes: each class, in the order of the probabilities.
        slices: of each feature that tells the photos apart.
        baseline: the comparison with the latest blessed model, or None.
        reasons: for each threshold missed, which number failed by how much.
    """

    photos: int
    metrics: dict[str, float | None]
    intervals: dict[str, Interval]
    confusion: dict[str, dict[str, int]]
    classes: list[ClassMeasured]
    slices: list[SliceMeasured]
    baseline: Baseline | None
    reasons: list[str] = field(default_factory=list)


def write_measured(folder: str, measured: Measured) -> None:
    """Writes what was measured into a ModelEvaluation artifact."""
    text = json.dumps(asdict(measured), ensure_ascii=False, indent=2)
    write_whole(os.path.join(folder, _FILE), text + "\n")


def read_measured(folder: str) -> Measured:
    """Reads what was measured from a ModelEvaluation artifact."""
    return as_measured(json.loads(read_bytes(os.path.join(folder, _FILE))))


def as_measured(values: Mapping[str, Any]) -> Measured:
    """Returns what was measured, from its JSON object."""
    values = dict(values)
    baseline = values.pop("baseline")
    return Measured(
        **{
            **values,
            "intervals": {name: _interval(limits) for name, limits in values["intervals"].items()},
            "classes": [
                ClassMeasured(**{**row, "interval": _interval(row["interval"])})
                for row in values["classes"]
            ],
            "slices": [
                SliceMeasured(**{**row, "interval": _interval(row["interval"])})
                for row in values["slices"]
            ],
        },
        baseline=(
            Baseline(**{**baseline, "gain_interval": _interval(baseline["gain_interval"])})
            if baseline
            else None
        ),
    )


def accuracy_of(folder: str) -> float | None:
    """Returns a model's accuracy on all evaluation photos, in [0, 1]."""
    return read_measured(folder).metrics[ACCURACY]


def _interval(limits: Any) -> Any:
    """JSON has no tuples."""
    return None if limits is None else tuple(limits)
