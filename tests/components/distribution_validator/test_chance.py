"""Tests of what counts as chance."""

from __future__ import annotations

import numpy as np
import pytest

from components.distribution_validator import chance
from components.distribution_validator.chance import classes_differ, numbers_differ

LEVELS = np.linspace(0, 1, 51)


def quantiles(values: object) -> np.ndarray:
    return np.quantile(np.asarray(values), LEVELS, method="inverted_cdf")


@pytest.mark.parametrize(("first", "second"), [(98, 24), (320, 80), (20, 4), (5000, 1000)])
@pytest.mark.parametrize("ties", [False, True])
def test_samples_of_the_same_kind_do_not_differ(first: int, second: int, ties: bool) -> None:
    alarms = 0
    for seed in range(200):
        values = np.random.default_rng(seed).lognormal(size=first + second)
        if ties:
            values = np.round(values)
        alarms += numbers_differ(
            quantiles(values[:first]), quantiles(values[first:]), (first, second)
        )
    assert alarms <= 2  # Expected: 0.2 of 200.


@pytest.mark.parametrize(("first", "second"), [(98, 24), (320, 80), (5000, 1000)])
def test_samples_of_different_kinds_differ(first: int, second: int) -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        now = quantiles(random.normal(0.45, 0.1, second))
        then = quantiles(random.normal(0.75, 0.1, first))
        assert numbers_differ(now, then, (second, first))
        assert numbers_differ(then, now, (first, second))


def test_nothing_in_common_is_still_chance_with_a_handful_of_photos() -> None:
    dark, light = quantiles([0.1, 0.2]), quantiles([0.8, 0.9])

    assert not numbers_differ(dark, light, (2, 2))
    assert numbers_differ(dark, light, (30, 10))


def test_distributions_that_cross_differ() -> None:
    """Their medians are the same."""
    narrow, wide = quantiles(np.linspace(0.49, 0.51, 500)), quantiles(np.linspace(0, 1, 500))

    assert numbers_differ(narrow, wide, (500, 500))


def test_other_number_of_quantiles_is_no_difference() -> None:
    """An older version of warmstart computed ten."""
    fine = quantiles(np.linspace(0, 1, 5000))

    assert not numbers_differ(fine, fine[::5], (5000, 5000))


def test_nothing_does_not_differ() -> None:
    assert not numbers_differ(np.empty(0), LEVELS, (0, 100))
    assert not classes_differ({}, {"a": 3})
    assert not classes_differ({"a": 3}, {"a": 300})


def test_shares_of_the_same_kind_do_not_differ() -> None:
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        first, second = (random.multinomial(n, [0.4, 0.3, 0.2, 0.1]) for n in (98, 24))
        alarms += classes_differ(dict(enumerate(first)), dict(enumerate(second)))
    assert alarms <= 2


def test_shares_of_different_kinds_differ() -> None:
    assert classes_differ({"a": 50, "b": 50}, {"a": 28, "b": 2})
    assert classes_differ({"a": 50, "b": 50}, {"c": 30})
    assert not classes_differ({"a": 50, "b": 50}, {"a": 17, "b": 13})


@pytest.mark.parametrize(
    ("freedom", "exact"), [(1, 10.828), (3, 16.266), (9, 27.877), (99, 148.23)]
)
def test_quantile_of_chi_squared_is_that_of_the_tables(freedom: int, exact: float) -> None:
    assert chance._chi_squared(freedom) == pytest.approx(exact, rel=0.04)
