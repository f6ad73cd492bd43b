"""Evaluation photos that training knew already, and what a model is worth without them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from review.answers import Answer, answers_of_run
from review.duplicates import duplicate_groups
from review.examples import ExampleSet, example_gen_behind, examples_of_run
from review.history import History
from review.photos import Photo
from review.records import Run
from schemas.features import TRAIN

_LEVEL = 0.95


@dataclass(frozen=True)
class Leak:
    """A photo that a model was not trained on, though it was trained on its picture.

    Attributes:
        photo: of another split than the training photos.
        copies: training photos that show the same picture.
        same_file: whether one of them is the very same file.
    """

    photo: Photo
    copies: tuple[Photo, ...]
    same_file: bool


@dataclass(frozen=True)
class Share:
    """How many photos were recognised.

    Attributes:
        right: how many.
        photos: of how many.
        interval: Wilson's, 95 % of the share; None without photos.
    """

    right: int
    photos: int
    interval: tuple[float, float] | None

    @property
    def value(self) -> float | None:
        """The share, or None without photos."""
        return self.right / self.photos if self.photos else None


@dataclass(frozen=True)
class Leaks:
    """Copies of pictures in a run.

    Attributes:
        leaks: photos whose picture is in two splits; the same files first.
        groups: of photos in one split that show the same picture.
        accuracy: on all evaluation photos, or None where no answers are recorded.
        without_leaks: on those that are no leaks, or None.
    """

    leaks: tuple[Leak, ...]
    groups: tuple[tuple[Photo, ...], ...]
    accuracy: Share | None
    without_leaks: Share | None


def leaks_of_run(history: History, run: Run) -> Leaks | None:
    """Finds pictures that are in two splits of a run; None where its photos are not recorded."""
    examples = examples_of_run(history, run)
    if examples is None:
        return None
    groups = _groups(history, examples)
    leaks = tuple(sorted(_leaks(groups), key=lambda leak: (not leak.same_file, leak.photo.path)))
    answers = answers_of_run(history, run)
    leaked = {(leak.photo.path, leak.photo.label) for leak in leaks}
    return Leaks(
        leaks=leaks,
        groups=tuple(group for group in groups if len({photo.split for photo in group}) == 1),
        accuracy=_share(answers.rows) if answers else None,
        without_leaks=(
            _share([row for row in answers.rows if (row.path, row.label) not in leaked])
            if answers
            else None
        ),
    )


def _groups(history: History, examples: ExampleSet) -> list[tuple[Photo, ...]]:
    """Returns the groups of the survey, and equal files, which a survey of others may not have."""
    gen = example_gen_behind(history, examples.artifact.id)
    groups = duplicate_groups(history, gen)
    grouped = {photo for group in groups for photo in group}
    equal: Mapping[str, list[Photo]] = defaultdict(list)
    for photo in examples.photos:
        if photo.sha256 and photo not in grouped:
            equal[photo.sha256].append(photo)
    return [*groups, *(tuple(photos) for photos in equal.values() if len(photos) > 1)]


def _leaks(groups: Iterable[Sequence[Photo]]) -> Iterator[Leak]:
    for group in groups:
        copies = tuple(photo for photo in group if photo.split == TRAIN)
        contents = {photo.sha256 for photo in copies}
        for photo in group:
            if copies and photo.split != TRAIN:
                yield Leak(photo, copies, photo.sha256 in contents)


def _share(rows: Sequence[Answer]) -> Share:
    right = sum(row.right for row in rows)
    if not rows:
        return Share(0, 0, None)
    from scipy.stats import binomtest  # noqa: PLC0415 (a second)

    interval = binomtest(right, len(rows)).proportion_ci(_LEVEL, method="wilson")
    return Share(right, len(rows), (float(interval.low), float(interval.high)))
