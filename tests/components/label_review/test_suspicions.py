"""Tests of finding wrong labels: clusters whose labels are swapped, and data there is little of."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import samples
from components.label_review import suspicions
from components.label_review.suspicions import (
    FEWEST_PHOTOS,
    LabelledPhoto,
    Review,
    review_labels,
)

CHANNELS = 64
CLASSES = ("Kätz\nchen", "dog", "猫")

# Real photos of cats and dogs, where a machine has them: a folder for each.
PETS = os.environ.get("WARMSTART_TEST_PETS", "")


class Clusters:
    """Embeddings around a centre for each class, as a backbone that suits the photos gives."""

    def __init__(self, sizes: Sequence[int], distance: float = 1.0) -> None:
        random = np.random.default_rng(0)
        names = [*CLASSES, *(f"class {number:04}" for number in range(len(CLASSES), len(sizes)))]
        numbers = np.repeat(np.arange(len(sizes)), sizes)
        centres = distance * random.normal(size=(len(sizes), CHANNELS))
        noise = random.normal(size=(numbers.size, CHANNELS))
        self.names = names[: len(sizes)]
        self.embeddings = (centres[numbers] + noise).astype(np.float32)
        self.photos = [
            LabelledPhoto(
                f"{names[number]}/{row}.jpg",
                names[number],
                "eval" if row % 4 == 0 else "train",
                row.to_bytes(32, "big"),
            )
            for row, number in enumerate(numbers)
        ]

    def mislabel(self, count: int) -> dict[str, str]:
        """Gives some photos the label of the next class; returns their path and own class."""
        rows = np.random.default_rng(1).choice(len(self.photos), count, replace=False)
        own: dict[str, str] = {}
        for row in rows:
            photo = self.photos[row]
            wrong = self.names[(self.names.index(photo.label) + 1) % len(self.names)]
            own[photo.path] = photo.label
            self.photos[row] = replace(photo, label=wrong)
        return own

    def review(self, seed: int = 42) -> Review:
        return review_labels(self.photos, self.embeddings.__getitem__, seed=seed)


@pytest.mark.parametrize(
    ("sizes", "count"), [([40, 30, 20], 6), ([40, 40], 1), ([60] * 5, 15)], ids=str
)
def test_swapped_labels_are_all_found_and_nothing_else(sizes: list[int], count: int) -> None:
    clusters = Clusters(sizes, distance=2.0)
    own = clusters.mislabel(count)

    review = clusters.review()

    assert {s.path: s.suggested for s in review.suspicions} == own
    assert review.not_judged == 0
    labels = {photo.path: (photo.label, photo.split) for photo in clusters.photos}
    assert {s.path: (s.label, s.split) for s in review.suspicions} == {
        path: labels[path] for path in own
    }


def test_least_likely_label_comes_first() -> None:
    clusters = Clusters([40, 30, 20])
    clusters.mislabel(6)

    suspicions = clusters.review().suspicions

    given = [s.self_confidence for s in suspicions]
    assert given == sorted(given)
    assert all(0 <= s.self_confidence < s.confidence <= 1 for s in suspicions)


@pytest.mark.parametrize("sizes", [(40, 40), (40, 30, 20), (FEWEST_PHOTOS,) * 8], ids=str)
def test_right_labels_raise_no_suspicion(sizes: Sequence[int]) -> None:
    assert Clusters(sizes).review() == Review([], not_judged=0)


def test_equal_seeds_give_equal_results_in_whatever_order_the_photos_come() -> None:
    clusters = Clusters([40, 30, 20], distance=0.3)
    clusters.mislabel(6)
    first = clusters.review()
    order = np.random.default_rng(2).permutation(len(clusters.photos))
    clusters.photos = [clusters.photos[row] for row in order]
    clusters.embeddings = clusters.embeddings[order]

    assert first.suspicions
    assert clusters.review() == first
    assert clusters.review(seed=43) != first


def test_copies_are_each_named_and_do_not_vouch_for_each_other() -> None:
    """Were one of five copies learnt from, its wrong label would seem right for the others."""
    clusters = Clusters([40, 40])
    photo = clusters.photos[0]
    copies = [replace(photo, path=f"dog/copy {n}.jpg", label="dog") for n in range(5)]
    clusters.photos = [*clusters.photos[1:], *copies]
    clusters.embeddings = np.concatenate(
        [clusters.embeddings[1:], np.repeat(clusters.embeddings[:1], 5, axis=0)]
    )

    found = clusters.review().suspicions

    assert [s.path for s in found] == [copy.path for copy in copies]
    assert {s.suggested for s in found} == {photo.label}
    assert len({s.self_confidence for s in found}) == 1


def test_photo_that_lies_in_two_classes_is_named_in_the_wrong_one() -> None:
    clusters = Clusters([40, 40])
    clusters.photos.append(replace(clusters.photos[0], path="dog/copy.jpg", label="dog"))
    clusters.embeddings = np.concatenate([clusters.embeddings, clusters.embeddings[:1]])

    assert [s.path for s in clusters.review().suspicions] == ["dog/copy.jpg"]


LITTLE = {
    "one photo": [1],
    "one photo in each class": [1, 1],
    "two photos in each class": [2, 2],
    "two photos in each of many classes": [2] * 200,
    "one class": [40],
    "a photo less than is judged": [FEWEST_PHOTOS - 1] * 3,
    "one class that is judged": [40, 2],
}


@pytest.mark.parametrize("sizes", LITTLE.values(), ids=LITTLE)
def test_little_data_raises_no_suspicion(sizes: Sequence[int]) -> None:
    judged = sum(size for size in sizes if size >= FEWEST_PHOTOS) if len(sizes) > 1 else 0

    assert Clusters(sizes).review() == Review([], not_judged=sum(sizes) - judged)


def test_photos_that_all_lie_in_two_classes_are_no_reason_to_fail() -> None:
    clusters = Clusters([2])
    clusters.photos += [replace(p, path=f"x{p.path}", label="dog") for p in clusters.photos]
    clusters.embeddings = np.concatenate([clusters.embeddings] * 2)

    assert clusters.review() == Review([], not_judged=4)


def test_small_class_is_counted_and_does_not_disturb_the_others() -> None:
    clusters = Clusters([40, 40, 3])
    own = {
        path: label
        for path, label in clusters.mislabel(4).items()
        if label != CLASSES[1]  # Its photos were moved to the small class, which is not judged.
    }

    review = clusters.review()

    assert {s.path: s.suggested for s in review.suspicions} == own
    small = sum(photo.label == CLASSES[2] for photo in clusters.photos)
    assert 3 <= review.not_judged == small < FEWEST_PHOTOS


def test_of_many_photos_some_are_learnt_from_and_all_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clusters = Clusters([400, 300, 20], distance=2.0)
    own = clusters.mislabel(20)
    monkeypatch.setattr(suspicions, "_MOST_VALUES", 120 * CHANNELS)
    monkeypatch.setattr(suspicions, "_PHOTOS_AT_A_TIME", 50)
    asked: list[np.ndarray] = []

    def embeddings(rows: np.ndarray) -> np.ndarray:
        asked.append(rows)
        return clusters.embeddings[rows]

    review = review_labels(clusters.photos, embeddings, seed=42)

    assert {s.path: s.suggested for s in review.suspicions} == own
    assert max(rows.size for rows in asked) <= 120
    learnt = [rows for rows in asked if rows.size > 50]
    assert len(learnt) == 5
    for rows in learnt:
        counts = Counter(clusters.photos[row].label for row in rows)
        # The small class as a whole, but for one fold and what was given to it.
        assert [counts[name] for name in CLASSES[:2]] == [40, 40]
        assert 10 <= counts[CLASSES[2]] <= 40


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    clusters = Clusters([40, 40])
    clusters.mislabel(4)

    assert clusters.review().suspicions
    assert capfd.readouterr() == ("", "")


def test_embedding_that_is_no_number_is_an_error() -> None:
    clusters = Clusters([20, 20])
    clusters.embeddings[3, 5] = np.nan

    with pytest.raises(ValueError, match="NaN"):
        clusters.review()


@pytest.mark.slow
def test_hundreds_of_classes_are_judged() -> None:
    clusters = Clusters([FEWEST_PHOTOS + 2] * 500, distance=2.0)
    own = clusters.mislabel(40)

    review = clusters.review()

    found = {s.path: s.suggested for s in review.suspicions}
    assert len(found.keys() & own.keys()) >= 30
    assert len(found) <= 60


def precision_and_recall(folder: Path) -> tuple[float, float]:
    """Gives one in twenty real photos another class, in ten ways, and looks at the labels."""
    from components.dataset.options import SurveyOptions
    from components.dataset.survey import survey
    from components.probe.linear_probe import (
        candidate_at_default_size,
        embed_photos,
        probe_photos,
    )

    found = probe_photos(str(folder), survey(str(folder), SurveyOptions()).photos)
    candidate = candidate_at_default_size("MobileNetV2", "embedded")
    embeddings, _, _ = embed_photos(candidate, found)
    names = sorted(set(found.labels))
    swapped = named = right = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        wrong = random.choice(len(found.paths), len(found.paths) // 20, replace=False)
        labels = list(found.labels)
        for row in wrong:
            labels[row] = random.choice([name for name in names if name != labels[row]])
        photos = [
            LabelledPhoto(path, label, "train", path.encode())
            for path, label in zip(found.paths, labels, strict=True)
        ]
        suspects = {
            s.path for s in review_labels(photos, embeddings.__getitem__, seed=seed).suspicions
        }
        swapped += wrong.size
        named += len(suspects)
        right += len(suspects & {found.paths[row] for row in wrong})
    return right / named, right / swapped


@pytest.mark.slow
def test_swapped_labels_of_the_sample_photos_are_found() -> None:
    precision, recall = precision_and_recall(samples.PHOTOS_FOLDER)

    assert precision >= 0.6
    assert recall >= 0.6


@pytest.mark.slow
@pytest.mark.skipif(not PETS, reason="WARMSTART_TEST_PETS names no folder of photos")
def test_swapped_labels_of_real_photos_are_found() -> None:
    precision, recall = precision_and_recall(Path(PETS))

    assert precision >= 0.8
    assert recall >= 0.8
