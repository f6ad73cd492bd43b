"""Places the points of small line charts; a template draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 640
HEIGHT = 150

# For the numbers beside and below, in pixels.
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 22

# A larger number was not measured, a smaller one is nothing, and what differs by a smaller part of
# itself is equal: between them nothing overflows, and steps of an axis can be told apart.
_MOST, _LEAST, _LEAST_SHARE = 1e100, 1e-100, 1e-9


@dataclass(frozen=True)
class Tick:
    """A number at an axis.

    Attributes:
        at: its distance from the upper left, in pixels.
        text: how it is written.
    """

    at: float
    text: str


@dataclass(frozen=True)
class Point:
    """A point of a line.

    Attributes:
        x: from the left, in pixels.
        y: from the top, in pixels.
        low: where its interval begins, from the top in pixels, or None.
        high: where it ends, or None.
        value: what it stands for.
    """

    x: float
    y: float
    low: float | None
    high: float | None
    value: float


@dataclass(frozen=True)
class Chart:
    """Lines over one another.

    Attributes:
        lines: by name; None stands for what was not measured.
        ticks: of the vertical axis.
    """

    lines: Mapping[str, tuple[Point | None, ...]]
    ticks: tuple[Tick, ...]

    def path(self, name: str) -> str:
        """Returns a line as the path of an SVG element; it is open where a point is missing."""
        parts, begun = [], False
        for point in self.lines[name]:
            if point:
                parts.append(f"{'L' if begun else 'M'}{point.x:.1f} {point.y:.1f}")
            begun = point is not None
        return " ".join(parts)


def line_chart(
    lines: Mapping[str, Sequence[float | None]],
    intervals: Mapping[str, Sequence[tuple[float, float] | None]] | None = None,
    *,
    most: float | None = None,
) -> Chart | None:
    """Places lines; None if there is nothing to draw.

    Args:
        lines: values by the name of the line, from left to right.
        intervals: of the same values.
        most: the largest value that there can be, such as 1 for a share: the axis goes no higher.
    """
    intervals = intervals or {}
    bounds = [v for row in intervals.values() for pair in row if _drawn(pair) for v in pair or ()]
    values = [v for row in lines.values() for v in row if v is not None and _drawn((v,))]
    if not values:
        return None
    low, high, step = _axis(min(values + bounds), max(values + bounds), most)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)

    count = max(len(row) for row in lines.values())

    def x(number: int) -> float:
        # A single point stands in the middle.
        share = number / (count - 1) if count > 1 else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def point(name: str, number: int, value: float | None) -> Point | None:
        if value is None or not _drawn((value,)):
            return None
        interval = intervals[name][number] if name in intervals else None
        low_y, high_y = (
            (y(interval[0]), y(interval[1])) if interval and _drawn(interval) else (None, None)
        )
        return Point(x(number), y(value), low_y, high_y, value)

    ticks = [low + step * number for number in range(round((high - low) / step) + 1)]
    digits = max(0, -math.floor(math.log10(step)))
    return Chart(
        {
            name: tuple(point(name, number, value) for number, value in enumerate(row))
            for name, row in lines.items()
        },
        tuple(Tick(y(value), f"{value:.{digits}f}") for value in ticks),
    )


def _drawn(values: Sequence[float] | None) -> bool:
    """Tells whether numbers have a place on an axis: NaN and endless ones have none."""
    return values is not None and all(abs(value) <= _MOST for value in values)


def _axis(low: float, high: float, most: float | None) -> tuple[float, float, float]:
    """Returns where an axis begins and ends, and round steps in between."""
    largest = max(abs(low), abs(high))
    if high - low <= _LEAST_SHARE * largest or largest < _LEAST:
        margin = 0.05 * largest if largest >= _LEAST else 0.05
        low, high = low - margin, high + margin
    rough = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step) * step, math.ceil(high / step) * step
    if most is not None and last > most:
        last = most if abs((most - first) / step - round((most - first) / step)) < 1e-6 else last
    return first, last, step
