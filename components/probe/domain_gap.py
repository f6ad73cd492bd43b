"""How much pretraining helps on some photos: pretrained weights against random ones.

Where it hardly helps, as with medical or microscope images, frozen embeddings forecast little,
and the note says what to change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from components.backbone.weights import NONE
from components.probe.linear_probe import Z_95, Candidate, Probe, ProbePhotos, probe


@dataclass(frozen=True)
class DomainGap:
    """Probe accuracy of one backbone with pretrained and with random weights.

    Attributes:
        candidate: the backbone with its pretrained weights.
        pretrained: accuracy with them.
        random: accuracy with random ones, on the same photos and folds.
        gain: the difference.
        interval: 95 % of the gain.
    """

    candidate: Candidate
    pretrained: float
    random: float
    gain: float
    interval: tuple[float, float]

    @property
    def helps(self) -> bool:
        """Whether pretraining gains more than chance explains: the whole interval is above 0.

        In other words: the gain is larger than the half-width of its own 95 % interval.
        """
        return self.interval[0] > 0

    @property
    def note(self) -> str:
        """What was found and what to do, for the user."""
        low, high = self.interval
        found = (
            f"Domain gap: with pretrained weights {self.candidate.name} recognises "
            f"{self.pretrained:.1%} of the photos, with random ones {self.random:.1%}: a gain of "
            f"{100 * self.gain:.1f} points (95 % interval {100 * low:.1f} to {100 * high:.1f})."
        )
        return f"{found} {self._advice()}"

    def _advice(self) -> str:
        if self.helps:
            return "Pretraining helps."
        if self.pretrained == 1:
            return "There is nothing left to gain: random weights tell these classes apart too."
        return (
            "Pretraining hardly helps, so these photos are unlike those it was done on: unfreeze "
            "more of the backbone (--set fine_tune.from=0.2, or all), or set backbone.weights to "
            "a file of weights pretrained on images of this domain."
        )


def domain_gap(pretrained: Probe, photos: ProbePhotos, *, folds: int, seed: int) -> DomainGap:
    """Probes the backbone once more, with random weights.

    Args:
        pretrained: how it did with pretrained ones.
        photos: the same.
        folds: the same.
        seed: the same.

    Raises:
        DataError: if a photo cannot be decoded any more.
    """
    candidate = replace(pretrained.candidate, weights=NONE)
    random = probe(candidate, photos, folds=folds, seed=seed)
    return DomainGap(
        pretrained.candidate,
        pretrained=pretrained.accuracy,
        random=random.accuracy,
        gain=pretrained.accuracy - random.accuracy,
        interval=paired_interval(pretrained.correct, random.correct),
    )


def paired_interval(ones: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % interval of a difference of two shares of the same photos.

    The adjusted Wald interval for paired data of D. G. Bonett and R. M. Price, Journal of
    Educational and Behavioral Statistics 37 (2012), 479-488: only photos that one gets right and
    the other wrong count, and one more of each is added.

    Args:
        ones: bool (photos,), what the first got right.
        others: bool (photos,), what the second got right.
    """
    trials = ones.size + 2
    gained = (int((ones & ~others).sum()) + 1) / trials
    lost = (int((others & ~ones).sum()) + 1) / trials
    middle = gained - lost
    half = Z_95 * math.sqrt((gained + lost - middle**2) / trials)
    return max(-1.0, middle - half), min(1.0, middle + half)
