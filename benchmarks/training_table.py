"""What a comparison of trainings found, as a table of ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.sides import Took

PLAIN = "plain Keras"
TFX = "TFX's own way"
COLD = "warmstart"
UNCHANGED = "warmstart, unchanged"
OTHER_RATE = "warmstart, other learning rate"


@dataclass(frozen=True)
class Round:
    """One pass over all sides, one after the other.

    Attributes:
        sides: by name.
        ratios: by what they compare.
    """

    sides: dict[str, Took]
    ratios: dict[str, float]


@dataclass(frozen=True)
class Size:
    """What was found with one number of photos.

    Attributes:
        photos: to learn from.
        held_out: photos to ask about.
        rounds: at least one; all have the same sides.
    """

    photos: int
    held_out: int
    rounds: list[Round]


def table(sizes: Sequence[Size]) -> Table:
    """Makes one table of all sizes: medians over the rounds, times as a share of the cold run's."""
    made = Table()
    made.add_column("photos", justify="right")
    made.add_column("", no_wrap=True)
    names = list(sizes[0].rounds[0].sides)
    for name in names:
        made.add_column(name, justify="right")
    for size in sizes:
        rows: tuple[tuple[str, Callable[[Round, str], float], int], ...] = (
            ("time, cold run = 1", _share_of_cold, 2),
            (f"accuracy, {size.held_out} held out", _accuracy, 3),
            ("peak memory, GB", _peak_gb, 1),
        )
        for number, (title, of, digits) in enumerate(rows):
            cells = (f"{_median(size, of, name):.{digits}f}" for name in names)
            first = f"{size.photos:,}" if number == 0 else ""
            made.add_row(first, title, *cells, end_section=number == len(rows) - 1)
    return made


def ratio_lines(size: Size) -> Iterator[str]:
    """Says each ratio in a line: its median over the rounds."""
    for name in size.rounds[0].ratios:
        yield f"{name}: {statistics.median(one.ratios[name] for one in size.rounds):.2f}"


def _median(size: Size, of: Callable[[Round, str], float], side: str) -> float:
    return statistics.median(of(one, side) for one in size.rounds)


def _share_of_cold(one: Round, side: str) -> float:
    return one.sides[side].seconds / one.sides[COLD].seconds


def _accuracy(one: Round, side: str) -> float:
    return one.sides[side].accuracy


def _peak_gb(one: Round, side: str) -> float:
    return one.sides[side].peak_gb
