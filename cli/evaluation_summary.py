"""Prints what was measured of a model."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.data_check import print_list
from components.dataset.survey import Problem
from components.evaluator.measured import Baseline, Measured, SliceMeasured
from components.evaluator.metrics import (
    ACCURACY,
    AUC,
    BALANCED_ACCURACY,
    CALIBRATION_ERROR,
    LOG_LOSS,
    Interval,
)
from schemas.errors import printable

_OTHERS = {
    BALANCED_ACCURACY: "mean recall of the classes",
    AUC: "how well it ranks photos, 0.5 to 1",
    LOG_LOSS: "mean of -ln(probability of the class)",
    CALIBRATION_ERROR: "how far confidence is from accuracy",
}


def print_evaluation(model: str, measured: Measured, set_aside: Sequence[Problem]) -> None:
    """Prints how good a model is, where it is worse, and beside which other, on stdout.

    Args:
        model: its folder.
        measured: of it.
        set_aside: files that it was not asked about.
    """
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"Model {printable(model)}"))
    accuracy = measured.metrics[ACCURACY] or 0
    low, high = measured.intervals[ACCURACY]
    console.print(
        f"Accuracy {accuracy:.1%}: {round(accuracy * measured.photos)} of {measured.photos} photos "
        f"recognised; of further photos like these, {low:.1%} to {high:.1%} (95 % interval)"
    )
    console.print(_classes(measured))
    console.print()
    console.print(_other_metrics(measured))
    console.print()
    _print_slices(console, measured.slices, accuracy)
    if measured.baseline:
        console.print(_comparison(measured.baseline))
    print_list(
        console,
        f"\n{len(set_aside)} files set aside, and not asked about:",
        [f"{printable(p.path)}: {p.reason}" for p in set_aside],
    )
    for reason in measured.reasons:
        console.print(Text(f"\nNot good enough: {reason}.", style="red"))


def _classes(measured: Measured) -> Table:
    table = _table("class", "photos", "recall", "95 % interval", "precision", "F1")
    for one in measured.classes:
        table.add_row(
            Text(printable(one.label)),
            str(one.photos),
            _percent(one.recall),
            _between(one.interval),
            _percent(one.precision),
            _percent(one.f1_score),
        )
    return table


def _other_metrics(measured: Measured) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, meaning in _OTHERS.items():
        value = measured.metrics[name]
        number = "-" if value is None else f"{value:.3f}"
        table.add_row(name.replace("_", " "), number, meaning)
    return table


def _print_slices(console: Console, slices: Sequence[SliceMeasured], accuracy: float) -> None:
    below = sorted(
        (part for part in slices if part.interval[1] < accuracy), key=lambda part: part.accuracy
    )
    if not below:
        console.print("No kind of photos (by brightness, size, aspect, folder) is clearly worse.")
        return
    console.print("Photos on which it is clearly worse:")
    table = _table("", "photos", "accuracy", "95 % interval")
    for part in below:
        table.add_row(
            Text(f"{part.feature} {printable(part.value)}"),
            str(part.photos),
            _percent(part.accuracy),
            _between(part.interval),
        )
    console.print(table)


def _comparison(baseline: Baseline) -> str:
    low, high = (100 * limit for limit in baseline.gain_interval)
    other = baseline.metrics[ACCURACY] or 0
    gain = 100 * baseline.gain
    if gain == 0:
        said = f"As accurate as the other model ({other:.1%})"
    else:
        side = "more" if gain > 0 else "less"
        said = f"{abs(gain):.1f} points {side} accurate than the other model ({other:.1%})"
    chance = "which may be chance" if baseline.gain_may_be_chance else "which is no chance"
    return f"{said}; 95 % interval of the difference {low:+.1f} to {high:+.1f} points" + (
        f", {chance}" if gain else ""
    )


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(first)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _between(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval[0]:.0%} to {interval[1]:.0%}"
