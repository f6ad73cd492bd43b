"""Compares what a served model answers with what the classifier said in training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Probabilities may differ by this much, absolutely. Fused and batched operations round otherwise
# in the last bits: on sample photos less than 1e-6.
TOLERANCE = 1e-5

# Where the classifier computes in 16 bits, of which 11 are the mantissa: on sample photos up to
# 8e-4.
HALF_PRECISION_TOLERANCE = 5e-3


@dataclass(frozen=True)
class Answers:
    """What one signature answered to a sequence of photos.

    Attributes:
        labels: a class name for each.
        probabilities: for each, of the classes.
    """

    labels: Sequence[str]
    probabilities: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Verdict:
    """What came of the comparison.

    Attributes:
        reason: what is wrong, as the end of a sentence, or None.
        max_difference: the largest between two probabilities that should be equal.
    """

    reason: str | None
    max_difference: float


def compare(
    names: Sequence[str],
    wanted: Sequence[Sequence[float]],
    answers: Answers,
    classes: Sequence[str],
    tolerance: float,
) -> Verdict:
    """Compares answers with what they should be, photo by photo.

    Args:
        names: of the photos, for the sentence.
        wanted: probabilities of the classes, for each photo.
        answers: of the served model, in the same order.
        classes: names, in the order of the probabilities.
        tolerance: largest absolute difference of two probabilities.
    """
    worst = Verdict(None, 0.0)
    for name, row, served, label in zip(
        names, wanted, answers.probabilities, answers.labels, strict=True
    ):
        reason = _inconsistent(served, label, classes)
        if reason:
            return Verdict(f"of {name}, {reason}", math.inf)
        differences = [abs(a - b) for a, b in zip(row, served, strict=True)]
        largest = max(differences)
        if largest > worst.max_difference:
            number = differences.index(largest)
            worst = Verdict(
                None
                if largest <= tolerance
                else f"{name} is {classes[number]!r} with {served[number]:.6f} when served, and "
                f"with {row[number]:.6f} in training",
                largest,
            )
    return worst


def as_answers(value: dict[str, Any]) -> Answers:
    """Reads answers as `clean_process` writes them."""
    return Answers(value["labels"], value["probabilities"])


def _inconsistent(row: Sequence[float], label: str, classes: Sequence[str]) -> str | None:
    """Says how an answer contradicts itself, if it does."""
    if not all(math.isfinite(value) for value in row):
        return "a probability is no number"
    if min(row) < 0 or abs(sum(row) - 1) > TOLERANCE:
        return f"the probabilities add up to {sum(row):.6f}, the lowest being {min(row):.6f}"
    best = [name for name, value in zip(classes, row, strict=True) if value == max(row)]
    if label not in best:
        return f"the label is {label!r}, but the most probable class is {best[0]!r}"
    return None
