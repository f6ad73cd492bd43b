"""What a run came to: how good its model is, whether it was blessed, and where it went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from review.files import ArtifactFiles, is_folder
from review.history import History
from review.records import Artifact, Run

_MEASURED_FILE = "measured.json"
_EVALUATION = "ModelEvaluation"
_BLESSING = "ModelBlessing"
_PUSHED = "PushedModel"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Metric:
    """A number that was measured of a model.

    Attributes:
        value: the number.
        interval: 95 % of it, or None if there is none.
    """

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class RunResults:
    """What a run came to.

    Attributes:
        blessed: whether its model reached every threshold, or None if that was not asked.
        pushed_to: the folder of the pushed version, or None.
        photos: with how many it was evaluated, or None.
        metrics: by name; empty where nothing was measured, or the file is gone.
        reasons: why it was not blessed.
    """

    blessed: bool | None = None
    pushed_to: str | None = None
    photos: int | None = None
    metrics: Mapping[str, Metric] | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether the pushed version is there now: whoever removes it leaves the store alone."""
        return self.pushed_to is not None and is_folder(self.pushed_to)


@dataclass(frozen=True)
class Gain:
    """The difference of a metric between two runs.

    Attributes:
        name: of the metric.
        old: of the first run, or None.
        new: of the second, or None.
        difference: between them, or None.
        within_noise: whether chance can explain it; None where there are no intervals.
    """

    name: str
    old: Metric | None
    new: Metric | None
    difference: float | None
    within_noise: bool | None


def results_of(history: History, runs: list[Run]) -> list[RunResults]:
    """Reads what runs came to, in their order."""
    wanted = {number for run in runs for number in run.made_ids}
    artifacts = history.artifacts(wanted)
    return [
        _results(history.files, [artifacts[n] for n in run.made_ids if n in artifacts])
        for run in runs
    ]


def gains(old: Mapping[str, Metric], new: Mapping[str, Metric]) -> list[Gain]:
    """Compares metrics; two samples of photos are taken for independent, which is cautious."""
    return [_gain(name, old.get(name), new.get(name)) for name in {**old, **new}]


def _gain(name: str, old: Metric | None, new: Metric | None) -> Gain:
    if not old or not new:
        return Gain(name, old, new, None, None)
    difference = new.value - old.value
    if not old.interval or not new.interval:
        return Gain(name, old, new, difference, None)
    # MOVER: Zou and Donner, Construction of confidence limits about effect measures, 2008.
    below = math.hypot(new.value - new.interval[0], old.interval[1] - old.value)
    above = math.hypot(new.interval[1] - new.value, old.value - old.interval[0])
    return Gain(name, old, new, difference, difference - below <= 0 <= difference + above)


def _results(files: ArtifactFiles, artifacts: list[Artifact]) -> RunResults:
    by_type = {artifact.type: artifact for artifact in artifacts}
    blessing, pushed = by_type.get(_BLESSING), by_type.get(_PUSHED)
    evaluation = by_type.get(_EVALUATION)
    measured = (files.read_object(evaluation, _MEASURED_FILE) if evaluation else None) or {}
    photos = measured.get("photos")
    reasons = measured.get("reasons")
    return RunResults(
        blessed=blessing.is_blessed if blessing else None,
        pushed_to=(pushed.destination or None) if pushed and pushed.is_pushed else None,
        photos=photos if isinstance(photos, int) else None,
        metrics=_metrics(measured),
        reasons=tuple(map(str, reasons)) if isinstance(reasons, list) else (),
    )


def _metrics(measured: Mapping[str, Any]) -> dict[str, Metric]:
    """Returns what are numbers among the metrics: a store of others may hold anything."""
    values, intervals = measured.get("metrics"), measured.get("intervals")
    intervals = intervals if isinstance(intervals, dict) else {}
    return {
        name: Metric(float(value), _interval(intervals.get(name)))
        for name, value in (values.items() if isinstance(values, dict) else ())
        if _is_number(value)
    }


def _interval(found: Any) -> Interval | None:
    if isinstance(found, list) and len(found) == 2 and all(map(_is_number, found)):
        return float(found[0]), float(found[1])
    return None


def _is_number(value: Any) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
