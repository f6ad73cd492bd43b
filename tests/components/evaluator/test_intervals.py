"""Tests of the confidence intervals: against published ones, and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from components.evaluator.intervals import (
    gain_interval,
    mean_interval,
    metric_intervals,
    proportion_interval,
)
from components.evaluator.metrics import ACCURACY, AUC, BALANCED_ACCURACY, LOG_LOSS, metrics


def drawn(generator: np.random.Generator, photos: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels of three classes, one of them rare, and probabilities that often fit them."""
    labels = generator.choice(3, photos, p=[0.5, 0.35, 0.15])
    scores = generator.normal(size=(photos, 3))
    scores[np.arange(photos), labels] += 1.5
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return labels, probabilities


def said(right: np.ndarray) -> np.ndarray:
    """Returns what a model says of photos of class 0, some of which it gets right."""
    return np.where(right[:, None], [[0.9, 0.1]], [[0.1, 0.9]])


def gain_of(both: int, first: int, second: int, neither: int) -> tuple[float, tuple[float, float]]:
    """Compares models that are right about so many photos: both, one of them, or neither."""
    counts = (both, first, second, neither)
    ours = np.repeat([True, True, False, False], counts)
    theirs = np.repeat([True, False, True, False], counts)
    return gain_interval(np.zeros(len(ours), np.int64), said(ours), said(theirs))


@pytest.mark.parametrize(
    ("right", "photos", "interval"),
    [
        # Newcombe, Two-sided confidence intervals for the single proportion (1998), table I.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_interval_of_a_share_is_the_published_one(
    right: int, photos: int, interval: tuple[float, float]
) -> None:
    assert proportion_interval(right, photos) == pytest.approx(interval, abs=5e-5)


def test_share_of_all_photos_has_an_interval_with_a_width() -> None:
    assert proportion_interval(23, 23) == pytest.approx((0.857, 1.0), abs=5e-4)


def test_interval_of_a_gain_is_the_published_one() -> None:
    """Newcombe, Improved confidence intervals … based on paired data (1998), method 10."""
    gain, interval = gain_of(36, 12, 2, 0)

    assert gain == pytest.approx(0.2)
    assert interval == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_gain_is_negative_where_the_model_is_worse() -> None:
    better, (low, high) = gain_of(60, 30, 2, 8)
    worse, limits = gain_of(60, 2, 30, 8)

    assert better == pytest.approx(0.28)
    assert 0 < low < better < high
    assert worse == pytest.approx(-better)
    assert limits == pytest.approx((-high, -low))


@pytest.mark.parametrize("counts", [(23, 0, 0, 0), (0, 0, 0, 23), (20, 0, 0, 3)])
def test_models_that_do_not_differ_on_few_photos_may_still_differ(
    counts: tuple[int, int, int, int],
) -> None:
    gain, (low, high) = gain_of(*counts)

    assert gain == 0
    assert -0.2 < low < -0.1
    assert high == pytest.approx(-low)


def test_mean_of_one_share_has_the_interval_of_the_share() -> None:
    assert mean_interval([(15, 148)]) == pytest.approx(proportion_interval(15, 148))


def test_mean_of_shares_reaches_as_far_as_the_fewest_photos_let_it() -> None:
    """95 of 95 and 5 of 5: the class of five may be half unknown, for all that is known."""
    low, high = mean_interval([(95, 95), (5, 5)])

    assert high == pytest.approx(1)
    assert (1 + proportion_interval(5, 5)[0]) / 2 - 0.01 < low < proportion_interval(95, 95)[0]


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """The truth is that of very many photos.

    Of 200 intervals of 95 %, 190 should hold it. Fewer than 176, or for the bootstrap on 60
    photos, which is known to be a little too narrow, fewer than 170, come by chance once in
    thousands of times; an interval that were half as wide would hold it 135 times.
    """
    generator = np.random.default_rng(7)
    truth = metrics(*drawn(generator, 200_000))
    held = dict.fromkeys((ACCURACY, BALANCED_ACCURACY, AUC, LOG_LOSS), 0)
    for seed in range(200):
        found = metric_intervals(*drawn(generator, 60), seed)
        for name in held:
            low, high = found[name]
            held[name] += low <= truth[name] <= high

    assert all(held[name] >= 176 for name in (ACCURACY, BALANCED_ACCURACY))
    assert all(held[name] >= 170 for name in (AUC, LOG_LOSS))


def test_gain_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """As above; one model is right about 70 % of photos, the other about 80 % of them."""
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        theirs = generator.random(60) < 0.7
        ours = generator.random(60) < np.where(theirs, 0.8, 0.5)
        labels = np.zeros(60, np.int64)
        _, (low, high) = gain_interval(labels, said(ours), said(theirs))
        held += low <= 0.7 * 0.8 + 0.3 * 0.5 - 0.7 <= high

    assert held >= 176


def test_intervals_hold_what_was_measured_and_more_photos_narrow_them() -> None:
    labels, probabilities = drawn(np.random.default_rng(1), 1600)
    few, many = (
        (metrics(labels[:n], probabilities[:n]), metric_intervals(labels[:n], probabilities[:n], 0))
        for n in (100, 1600)
    )

    for measured, intervals in (few, many):
        assert all(low < measured[name] < high for name, (low, high) in intervals.items())
    for name, (low, high) in few[1].items():
        # Sixteen times the photos: about a quarter of the width.
        assert many[1][name][1] - many[1][name][0] < 0.4 * (high - low)


def test_seed_decides_the_draws() -> None:
    labels, probabilities = drawn(np.random.default_rng(1), 50)

    first = metric_intervals(labels, probabilities, 42)

    assert metric_intervals(labels, probabilities, 42) == first
    other = metric_intervals(labels, probabilities, 43)
    assert other[LOG_LOSS] != first[LOG_LOSS]
    assert other[ACCURACY] == first[ACCURACY]


def test_auc_without_a_mistake_has_no_interval() -> None:
    """No draw holds a mistake: the bootstrap's interval would have no width."""
    labels = np.arange(23) % 2
    sure = np.linspace(0.7, 0.9, 23)
    probabilities = np.where(labels[:, None] == [0, 1], sure[:, None], 1 - sure[:, None])

    found = metric_intervals(labels, probabilities, 0)

    assert set(found) == {ACCURACY, BALANCED_ACCURACY, LOG_LOSS}
    assert found[ACCURACY] == proportion_interval(23, 23)


def test_one_photo_has_an_interval_of_its_shares_only() -> None:
    found = metric_intervals(np.array([1]), np.array([[0.25, 0.75]]), 0)

    assert found == {
        ACCURACY: proportion_interval(1, 1),
        BALANCED_ACCURACY: pytest.approx(proportion_interval(1, 1)),
    }


def test_interval_of_the_log_loss_is_that_of_a_thousand_resamples() -> None:
    labels, probabilities = drawn(np.random.default_rng(2), 40)
    losses = -np.log(probabilities[np.arange(40), labels])
    generator = np.random.default_rng(5)
    means = [losses[generator.integers(0, 40, 40)].mean() for _ in range(1000)]

    interval = metric_intervals(labels, probabilities, seed=5)[LOG_LOSS]

    assert interval == pytest.approx(np.percentile(means, [2.5, 97.5]), rel=1e-9)
