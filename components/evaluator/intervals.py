"""How far chance reaches: 95 % confidence intervals of what was measured on some photos.

Shares have closed forms that hold for few photos, too; other metrics are measured again on photos
drawn with replacement, as many as there are (the bootstrap: Efron, 1979).

The calibration error has none. It is too large on few photos, and larger still where photos are
drawn twice: of a model that is never wrong about how sure it is, no such interval reaches 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.stats import binomtest

from components.evaluator.metrics import (
    ACCURACY,
    AUC,
    BALANCED_ACCURACY,
    LOG_LOSS,
    Floats,
    Interval,
    Labels,
    auc,
    confusion_matrix,
    losses_of,
    mean_of,
    ranks_of,
)

LEVEL = 0.95

# The limits then lie within a tenth of the interval's width of what infinitely many would give.
_RESAMPLES = 1000

# Probabilities in all resamples: above, there are fewer resamples, but chance is small, too.
_MOST_NUMBERS = 100_000_000
_FEWEST_RESAMPLES = 200


def proportion_interval(right: int, photos: int) -> Interval:
    """Returns Wilson's interval of a share such as accuracy or recall.

    Unlike the bootstrap's it has a width when all photos are right: 23 of 23 is 0.86 to 1.

    Args:
        right: how many.
        photos: of how many, at least one.
    """
    found = binomtest(right, photos).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)


def mean_interval(counts: Iterable[tuple[int, int]]) -> Interval:
    """Returns the interval of the mean of several shares, such as the recalls of classes.

    It combines Wilson's (MOVER: Zou and Donner, Construction of confidence limits about effect
    measures, 2008).

    Args:
        counts: right and all photos of each, at least one.
    """
    shares, below, above = zip(*map(_with_reach, counts), strict=True)
    mean = math.fsum(shares) / len(shares)
    return mean - math.hypot(*below) / len(shares), mean + math.hypot(*above) / len(shares)


def metric_intervals(labels: Labels, probabilities: Floats, seed: int) -> dict[str, Interval]:
    """Returns the interval of each metric that can be measured and has one.

    A metric that is the same in every draw has none: where no draw holds a mistake, as in an AUC
    of 1, a width of nothing would be taken for certainty.

    Args:
        labels: int64 (photos,), at least one.
        probabilities: float (photos, classes).
        seed: of the draws.
    """
    confusion = confusion_matrix(labels, probabilities)
    right, there = confusion.diagonal().astype(int).tolist(), confusion.sum(axis=1).astype(int)
    counts = list(zip(right, there.tolist(), strict=True))
    found = {
        ACCURACY: proportion_interval(sum(right), len(labels)),
        BALANCED_ACCURACY: mean_interval((r, photos) for r, photos in counts if photos),
    }
    # What does not depend on the draw.
    ranks, losses = ranks_of(probabilities), losses_of(labels, probabilities)
    drawn: dict[str, list[float]] = {AUC: [], LOG_LOSS: []}
    for weights in _resamples(probabilities.shape, seed):
        drawn[AUC].append(auc(labels, ranks, weights))
        drawn[LOG_LOSS].append(mean_of(losses, weights))
    for name, values in drawn.items():
        measured = np.array([value for value in values if not math.isnan(value)])
        if len(set(measured.tolist())) > 1:
            low, high = np.quantile(measured, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            found[name] = float(low), float(high)
    return found


def gain_interval(
    labels: Labels, probabilities: Floats, baseline: Floats
) -> tuple[float, Interval]:
    """Returns how much more accurate a model is than another on the same photos, with interval.

    The interval is Newcombe's (Improved confidence intervals for the difference between binomial
    proportions based on paired data, 1998, method 10); it has a width also where both models
    are right about the same photos.

    Args:
        labels: int64 (photos,), at least one.
        probabilities: of the model, float (photos, classes).
        baseline: of the other one, the same.
    """
    ours, theirs = (said.argmax(axis=1) == labels for said in (probabilities, baseline))
    photos = len(labels)
    share, below, above = _with_reach((int(ours.sum()), photos))
    other_share, other_below, other_above = _with_reach((int(theirs.sum()), photos))
    together = _correlation(
        int((ours & theirs).sum()),
        int((ours & ~theirs).sum()),
        int((~ours & theirs).sum()),
        int((~ours & ~theirs).sum()),
    )
    gain = share - other_share
    return gain, (
        gain - _reach_of_difference(below, other_above, together),
        gain + _reach_of_difference(above, other_below, together),
    )


def _with_reach(count: tuple[int, int]) -> tuple[float, float, float]:
    """Returns a share, and how far its interval reaches below and above it."""
    right, photos = count
    low, high = proportion_interval(right, photos)
    share = right / photos
    return share, share - low, high - share


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    """Returns how much two models are right about the same photos, with Newcombe's correction."""
    margins = (both + first, second + neither, both + second, first + neither)
    if 0 in margins:
        return 0.0
    together = float(both * neither - first * second)
    if together > 0:
        together = max(together - (both + first + second + neither) / 2, 0.0)
    return together / math.sqrt(math.prod(margins))


def _reach_of_difference(of_first: float, of_second: float, together: float) -> float:
    square = of_first**2 - 2 * together * of_first * of_second + of_second**2
    return math.sqrt(max(square, 0.0))


def _resamples(shape: tuple[int, ...], seed: int) -> Iterator[Floats]:
    """Yields how often each photo is in a resample, for each of them."""
    photos, classes = shape
    generator = np.random.default_rng(seed)
    for _ in range(min(_RESAMPLES, max(_FEWEST_RESAMPLES, _MOST_NUMBERS // (photos * classes)))):
        drawn = generator.integers(0, photos, photos)
        yield np.bincount(drawn, minlength=photos).astype(np.float64)
