"""Tells differences that two small samples have by chance from those that mean something.

Jensen-Shannon divergence says how large a difference is, not whether it is one: 98 and 24 photos
of the same camera reach 0.4 in TFDV's histograms of ten buckets each, 320 and 80 still 0.3 where
many photos share a value, such as an aspect of 4:3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

# A difference counts as one that chance makes less often, for each feature that is compared.
SIGNIFICANCE = 0.001


def numbers_differ(
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    photos: tuple[int, int],
) -> bool:
    """Whether numbers of two samples differ by more than chance: Kolmogorov and Smirnov's test.

    With the asymptotic quantile, which errs on the side of chance in small samples, and where
    many photos share a value (Gibbons, Chakraborti: Nonparametric Statistical Inference, 6.3).

    Args:
        first: quantiles of one sample, (quantiles + 1,), smallest to largest.
        second: those of the other, not necessarily as many.
        photos: how many each sample has.
    """
    if not (first.size and second.size and all(photos)):
        return False
    values = np.union1d(first, second)
    distance = np.max(np.abs(_share_up_to(values, first) - _share_up_to(values, second)))
    # What is not known between two quantiles counts as equal.
    unknown = 1 / (min(first.size, second.size) - 1)
    by_chance = math.sqrt(-math.log(SIGNIFICANCE / 2) / 2 * sum(1 / count for count in photos))
    return bool(distance - unknown > by_chance)


def classes_differ(first: Mapping[str, int], second: Mapping[str, int]) -> bool:
    """Whether the shares of classes differ by more than chance.

    Jensen-Shannon divergence of two samples of the same distribution, weighted by their sizes,
    times 2 N ln 2 is distributed as chi-squared (Grosse et al.: Analysis of symbolic sequences
    using the Jensen-Shannon divergence, Physical Review E 65, 041905, 2002).

    Args:
        first: how many photos each class has in one sample.
        second: the same of the other.
    """
    names = sorted({*first, *second})
    counts = np.array([[s.get(name, 0) for name in names] for s in (first, second)], np.float64)
    sizes = counts.sum(axis=1)
    if len(names) < 2 or not sizes.all():
        return False
    shares = np.vstack([counts.sum(axis=0) / sizes.sum(), *(counts / sizes[:, None])])
    pooled, *each = (_entropy(share) for share in shares)
    total = sizes.sum()
    divergence = pooled - float(np.dot(sizes / total, each))
    return bool(2 * total * math.log(2) * divergence > _chi_squared(len(names) - 1))


def _share_up_to(
    values: npt.NDArray[np.float64], quantiles: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Returns the share of a sample that does not exceed each value."""
    at = np.searchsorted(quantiles, values, side="right") - 1
    return np.clip(at, 0, None) / (quantiles.size - 1)


def _entropy(shares: npt.NDArray[np.float64]) -> float:
    """Returns Shannon's entropy in bits."""
    there = shares[shares > 0]
    return float(-(there * np.log2(there)).sum())


def _chi_squared(freedom: int) -> float:
    """Returns what chi-squared exceeds with `SIGNIFICANCE`, by Wilson and Hilferty, to 4 %."""
    normal = NormalDist().inv_cdf(1 - SIGNIFICANCE)
    variance = 2 / (9 * freedom)
    return freedom * float((1 - variance + normal * math.sqrt(variance)) ** 3)
