"""Tests of placing the points of charts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, line_chart

VALUES = st.none() | st.floats(-1e99, 1e99) | st.sampled_from([math.nan, math.inf, 1e300])


@given(st.lists(VALUES, max_size=30))
def test_every_number_is_placed_within_the_axes(values: list[float | None]) -> None:
    chart = line_chart({"a": values})
    numbers = [v for v in values if v is not None and abs(v) < 1e100]

    assert (chart is None) == (not numbers)
    if chart:
        points = chart.lines["a"]
        assert [bool(point) for point in points] == [v in numbers for v in values]
        for point in filter(None, points):
            assert LEFT <= point.x <= WIDTH - RIGHT
            assert TOP - 0.1 <= point.y <= HEIGHT - BOTTOM + 0.1
        assert 2 <= len(chart.ticks) <= 6
        assert all(TOP - 0.1 <= tick.at <= HEIGHT - BOTTOM + 0.1 for tick in chart.ticks)


def test_larger_values_are_higher() -> None:
    chart = line_chart({"a": [0.1, 0.5, 0.9]})

    assert chart is not None
    low, middle, high = (point.y for point in chart.lines["a"] if point)
    assert high < middle < low
    assert [point.x for point in chart.lines["a"] if point] == [LEFT, 340, WIDTH - RIGHT]


def test_line_is_open_where_nothing_was_measured() -> None:
    chart = line_chart({"a": [0.0, None, 1.0, 1.0]})

    assert chart is not None
    assert chart.path("a").count("M") == 2
    assert chart.path("a").count("L") == 1


def test_interval_is_a_part_of_the_chart() -> None:
    chart = line_chart({"a": [0.5, 0.6]}, {"a": [(0.1, 0.9), None]})

    assert chart is not None
    first, second = chart.lines["a"]
    assert first is not None
    assert second is not None
    assert first.low is not None
    assert first.high is not None
    assert first.high < first.y < first.low <= HEIGHT - BOTTOM
    assert (second.low, second.high) == (None, None)


@pytest.mark.parametrize("values", [[0.97, 0.99], [1.0], [0.2, 1.0], [0.94, 1.0]])
def test_axis_of_a_share_goes_no_higher_than_one(values: list[float]) -> None:
    chart = line_chart({"a": values}, most=1.0)

    assert chart is not None
    assert max(float(tick.text) for tick in chart.ticks) <= 1.0


def test_numbers_at_the_axis_are_all_different() -> None:
    for values in ([0.991, 0.992], [1e-9, 2e-9], [1e9, 1e9 + 3], [-5.0, 5.0], [0.1, 0.1 + 1e-17]):
        chart = line_chart({"a": values})
        assert chart is not None
        assert len({tick.text for tick in chart.ticks}) == len(chart.ticks)


def test_single_point_stands_in_the_middle() -> None:
    chart = line_chart({"a": [3.0]})

    assert chart is not None
    (point,) = chart.lines["a"]
    assert point is not None
    assert point.x == (LEFT + WIDTH - RIGHT) / 2


def test_nothing_measured_is_no_chart() -> None:
    assert line_chart({}) is None
    assert line_chart({"a": [], "b": [None, math.nan]}) is None
