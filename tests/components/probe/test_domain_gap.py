"""Tests of the note that says whether pretraining helps on some photos."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samples
from components.dataset.options import SurveyOptions
from components.dataset.survey import survey
from components.probe.domain_gap import DomainGap, domain_gap, paired_interval
from components.probe.linear_probe import Candidate, probe, probe_photos

EMBEDDED = Candidate("MobileNetV2", "embedded", 160)
SEED = 42


def outcomes(*, both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns which photos two backbones got right."""
    counts = [both, first, second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False] * 2, counts)


def test_paired_interval_by_hand() -> None:
    ones, others = outcomes(both=60, first=19, second=4, neither=15)

    # 20 and 5 of 100: 0.15 +- 1.96 * sqrt((0.25 - 0.15 ** 2) / 100).
    assert paired_interval(ones, others) == pytest.approx((0.05652, 0.24348), abs=1e-5)


def test_paired_interval_of_equal_outcomes_lies_around_zero() -> None:
    low, high = paired_interval(*outcomes(both=10, first=0, second=0, neither=10))

    assert low == -high
    assert high > 0


def test_paired_interval_the_other_way_round_is_negative() -> None:
    ones, others = outcomes(both=5, first=12, second=3, neither=4)

    low, high = paired_interval(ones, others)

    assert paired_interval(others, ones) == (-high, -low)


def gap(pretrained: float, random: float, low: float, high: float) -> DomainGap:
    return DomainGap(EMBEDDED, pretrained, random, pretrained - random, (low, high))


NOTES = {
    "helps": (
        gap(0.975, 0.6, 0.3, 0.45),
        "Domain gap: with pretrained weights MobileNetV2 recognises 97.5% of the photos, with "
        "random ones 60.0%: a gain of 37.5 points (95 % interval 30.0 to 45.0). Pretraining "
        "helps.",
    ),
    "hardly helps": (
        gap(0.75, 0.72, -0.02, 0.08),
        "Domain gap: with pretrained weights MobileNetV2 recognises 75.0% of the photos, with "
        "random ones 72.0%: a gain of 3.0 points (95 % interval -2.0 to 8.0). Pretraining hardly "
        "helps, so these photos are unlike those it was done on: unfreeze more of the backbone "
        "(--set fine_tune.from=0.2, or all), or set backbone.weights to a file of weights "
        "pretrained on images of this domain.",
    ),
    "nothing to gain": (
        gap(1.0, 1.0, -0.1, 0.1),
        "Domain gap: with pretrained weights MobileNetV2 recognises 100.0% of the photos, with "
        "random ones 100.0%: a gain of 0.0 points (95 % interval -10.0 to 10.0). There is "
        "nothing left to gain: random weights tell these classes apart too.",
    ),
}


@pytest.mark.parametrize(("found", "said"), NOTES.values(), ids=NOTES)
def test_note_says_what_was_found_and_what_to_do(found: DomainGap, said: str) -> None:
    assert found.note == said


def test_pretraining_helps_on_photos_of_everyday_things(tmp_path: Path) -> None:
    for label in ("birds", "food"):
        (tmp_path / label).mkdir()
        for photo in sorted((samples.PHOTOS_FOLDER / label).iterdir())[:12]:
            shutil.copy(photo, tmp_path / label)
    photos = probe_photos(str(tmp_path), survey(str(tmp_path), SurveyOptions()).photos)
    pretrained = probe(EMBEDDED, photos, folds=4, seed=SEED)

    found = domain_gap(pretrained, photos, folds=4, seed=SEED)

    assert found.candidate == EMBEDDED
    assert found.gain == found.pretrained - found.random > 0
    assert found.helps


@pytest.mark.slow
def test_pretraining_does_not_help_on_noise(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    for label in ("one", "other"):
        (tmp_path / label).mkdir()
        for number in range(12):
            pixels = draw.integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{number}.png")
    photos = probe_photos(str(tmp_path), survey(str(tmp_path), SurveyOptions()).photos)
    pretrained = probe(EMBEDDED, photos, folds=4, seed=SEED)

    found = domain_gap(pretrained, photos, folds=4, seed=SEED)

    assert not found.helps
