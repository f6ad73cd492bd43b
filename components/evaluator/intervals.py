"""How far chance reaches: 95 % confidence intervals of what was measured on some photos."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

from components.evaluator.metrics import ACCURACY, BALANCED_ACCURACY, Floats, Labels, metrics

LEVEL = 0.95

# The limits then lie within a tenth of the interval's width of what infinitely many would give.
_RESAMPLES = 1000

# Photos in all resamples: above, there are fewer resamples, but chance is small, too.
_MOST_PHOTOS = 20_000_000
_FEWEST_RESAMPLES = 200

Interval = tuple[float, float]


def proportion_interval(right: int, photos: int) -> Interval:
    """Returns Wilson's interval of a share such as accuracy or recall.

    Unlike the bootstrap's it has a width when all photos are right: 23 of 23 is 0.86 to 1.
    """
    found = binomtest(right, photos).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)


def metric_intervals(labels: Labels, probabilities: Floats, seed: int) -> dict[str, Interval]:
    """Returns the interval of each metric that can be measured.

    Accuracy's is Wilson's; the others' are percentiles of the bootstrap (Efron, 1979): photos
    are drawn with replacement, as many as there are.

    Args:
        labels: int64 (photos,).
        probabilities: float (photos, classes).
        seed: of the draws.
    """
    drawn = [metrics(labels, probabilities, weights) for weights in _resamples(len(labels), seed)]
    right = int((probabilities.argmax(axis=1) == labels).sum())
    found = {ACCURACY: proportion_interval(right, len(labels))}
    for name in drawn[0]:
        values = np.array([row[name] for row in drawn])
        measured = values[~np.isnan(values)]
        if name != ACCURACY and len(measured):
            found[name] = _percentiles(measured)
    if found.get(BALANCED_ACCURACY) == (1.0, 1.0):
        # Where nothing is wrong no draw holds a mistake.
        found[BALANCED_ACCURACY] = found[ACCURACY]
    return found


def gain_interval(
    labels: Labels, probabilities: Floats, baseline: Floats, seed: int
) -> tuple[float, Interval]:
    """Returns how much more accurate a model is than another on the same photos, with interval.

    Args:
        labels: int64 (photos,).
        probabilities: of the model, float (photos, classes).
        baseline: of the other one, the same.
        seed: of the draws.
    """
    gains = (probabilities.argmax(axis=1) == labels).astype(float)
    gains -= baseline.argmax(axis=1) == labels
    drawn = [gains @ weights / len(gains) for weights in _resamples(len(gains), seed)]
    return float(gains.mean()), _percentiles(np.array(drawn))


def _resamples(photos: int, seed: int) -> list[Floats]:
    """Returns how often each photo is in each resample."""
    generator = np.random.default_rng(seed)
    number = min(_RESAMPLES, max(_FEWEST_RESAMPLES, _MOST_PHOTOS // photos))
    return [
        np.bincount(generator.integers(0, photos, photos), minlength=photos).astype(float)
        for _ in range(number)
    ]


def _percentiles(values: Floats) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
