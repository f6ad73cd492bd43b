"""Tests of what is told of metrics."""

from __future__ import annotations

import pytest

from review.results import Gain, Metric, gains


def test_difference_that_chance_explains_is_noise() -> None:
    """21 and 22 of 23 photos, with Wilson's intervals."""
    old, new = Metric(0.913, (0.732, 0.976)), Metric(0.957, (0.790, 0.992))

    (found,) = gains({"accuracy": old}, {"accuracy": new})

    assert found.difference == pytest.approx(0.044)
    assert found.within_noise is True


def test_difference_beyond_chance_is_none() -> None:
    old, new = Metric(0.5, (0.45, 0.55)), Metric(0.9, (0.86, 0.93))

    (found,) = gains({"accuracy": old}, {"accuracy": new})

    assert found.within_noise is False


def test_intervals_may_touch_though_the_difference_is_no_noise() -> None:
    """Overlap is stricter than a test of the difference."""
    old, new = Metric(0.80, (0.775, 0.825)), Metric(0.84, (0.815, 0.865))

    assert gains({"a": old}, {"a": new})[0].within_noise is False


def test_metric_without_an_interval_has_no_verdict() -> None:
    old, new = Metric(0.1, None), Metric(0.2, None)

    assert gains({"e": old}, {"e": new}) == [Gain("e", old, new, 0.1, None)]


def test_metric_that_one_run_lacks_has_no_difference() -> None:
    new = Metric(0.2, (0.1, 0.3))

    assert gains({}, {"e": new}) == [Gain("e", None, new, None, None)]
