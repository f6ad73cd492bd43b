"""Tests of the table of a comparison, made of given figures."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmarks.sides import Took
from benchmarks.training_table import (
    COLD,
    OTHER_RATE,
    PLAIN,
    TFX,
    UNCHANGED,
    Round,
    Size,
    ratio_lines,
    table,
)


def took(seconds: float, accuracy: float = 0.98, peak_gb: float = 1.8) -> Took:
    return Took(seconds, accuracy, peak_gb, parts={})


def measured(cold: float, other: float) -> Round:
    return Round(
        {
            PLAIN: took(250.0, 0.973, 1.2),
            TFX: took(other, 0.964, 3.4),
            COLD: took(cold),
            UNCHANGED: took(12.0, peak_gb=0.2),
            OTHER_RATE: took(60.0),
        },
        {"cold run / TFX's own way": cold / other},
    )


def shown(*sizes: Size) -> list[list[str]]:
    """Returns the cells of each line that has any."""
    text = io.StringIO()
    Console(file=text, width=160).print(table(sizes))
    lines = [line for line in text.getvalue().splitlines() if any(c.isalnum() for c in line)]
    return [
        [cell.strip() for cell in line.replace("┃", "│").strip("│").split("│")] for line in lines
    ]


def test_times_are_shares_of_the_cold_run() -> None:
    assert shown(Size(3200, 113, [measured(100.0, 300.0)])) == [
        [
            *("photos", "", "plain Keras", "TFX's own way"),
            *("warmstart", "warmstart, unchanged", "warmstart, other learning rate"),
        ],
        ["3,200", "time, cold run = 1", "2.50", "3.00", "1.00", "0.12", "0.60"],
        ["", "accuracy, 113 held out", "0.973", "0.964", "0.980", "0.980", "0.980"],
        ["", "peak memory, GB", "1.2", "3.4", "1.8", "0.2", "1.8"],
    ]


def test_each_size_has_its_rows_in_the_one_table() -> None:
    rows = shown(
        Size(400, 113, [measured(100.0, 200.0)]), Size(3200, 113, [measured(100.0, 350.0)])
    )

    assert [row[0] for row in rows] == ["photos", "400", "", "", "3,200", "", ""]
    assert [row[3] for row in rows if "time" in row[1]] == ["2.00", "3.50"]


def test_side_that_was_left_out_has_no_column() -> None:
    one = measured(100.0, 300.0)
    del one.sides[PLAIN]

    assert shown(Size(400, 113, [one]))[0][2:] == [TFX, COLD, UNCHANGED, OTHER_RATE]


def test_rounds_are_divided_each_within_itself_before_the_median() -> None:
    # 2.0, 3.0 and 4.0; the median times alone would give 300 / 100.
    rounds = [measured(100.0, 200.0), measured(200.0, 600.0), measured(75.0, 300.0)]
    size = Size(400, 113, rounds)

    assert shown(size)[1][3] == "3.00"
    assert list(ratio_lines(size)) == ["cold run / TFX's own way: 0.33"]


@pytest.mark.parametrize("number", [1, 2])
def test_each_ratio_is_a_line(number: int) -> None:
    size = Size(400, 113, [measured(50.0, 100.0)] * number)

    assert list(ratio_lines(size)) == ["cold run / TFX's own way: 0.50"]
