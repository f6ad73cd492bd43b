"""Applies what a person decided about photos: labels, and which are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from schemas.corrections import LEAVE_OUT, Correction
from schemas.errors import DataError, printable, shortened_list


@dataclass(frozen=True)
class Corrected:
    """What became of corrections.

    Attributes:
        applied: those that are about a photo of the data.
        changing: those of `applied` without which other photos, or other labels, would be learnt
            from. Applied alone, they come to the same.
        unmatched: those whose photo is gone, or was given a third label since.
    """

    applied: tuple[Correction, ...] = ()
    changing: tuple[Correction, ...] = ()
    unmatched: tuple[Correction, ...] = ()


NO_CORRECTIONS = Corrected()


@dataclass(frozen=True)
class Rulings:
    """What was decided about each photo.

    Attributes:
        labels: of each.
        left_out: whether it is not to be used.
        decided: whether a person said that the label is right.
        applied: the corrections that are about one of the photos.
    """

    labels: list[str]
    left_out: list[bool]
    decided: list[bool]
    applied: list[Correction]


@dataclass(frozen=True)
class _Copy:
    """One of the files with a content.

    Attributes:
        number: of the photo.
        path: of it.
        label: that the data folder gives it.
    """

    number: int
    path: str
    label: str


def rule(
    photos: Iterable[tuple[str, str, str]],
    corrections: Iterable[Correction],
    *,
    classes: Collection[str],
) -> Rulings:
    """Finds out what was decided about each photo.

    A label holds for all copies of a file, while one of them has the label that was decided about,
    or the one that it was given: who moves the photo to a third class decides anew. A copy is left
    out if it was decided under its path. If that path is gone, a copy of which nothing else was
    decided is taken for the file that was renamed.

    Args:
        photos: path, label and SHA-256 of the content of each.
        corrections: as `schemas.corrections.read_corrections` returns them.
        classes: that a photo may be relabelled to.

    Raises:
        DataError: if a photo is relabelled to another class.
    """
    copies: dict[str, list[_Copy]] = defaultdict(list)
    labels: list[str] = []
    for number, (path, label, digest) in enumerate(photos):
        copies[digest].append(_Copy(number, path, label))
        labels.append(label)
    left_out, decided = [False] * len(labels), [False] * len(labels)
    by_content: dict[str, list[Correction]] = defaultdict(list)
    for correction in corrections:
        by_content[correction.sha256].append(correction)
    applied: dict[Correction, None] = {}
    for digest, decisions in by_content.items():
        found = copies.get(digest, [])
        for one in decisions:
            right = one.right_label
            if right and {one.label, right} & {copy.label for copy in found}:
                _check_class(one, right, classes)
                applied[one] = None
                for copy in found:
                    labels[copy.number], decided[copy.number] = right, True
        for one, copy in _not_used(found, decisions):
            applied[one] = None
            left_out[copy.number] = True
    return Rulings(labels, left_out, decided, list(applied))


def settle(labels: Sequence[str], groups: Sequence[int], decided: Sequence[bool]) -> list[str]:
    """Settles pictures under several labels by what was decided about some of their photos.

    If a person gave those the same label, the others have it, too; else nothing is settled.

    Args:
        labels: of each photo.
        groups: of each photo, the number of its group of duplicates.
        decided: whether a person said that its label is right.

    Returns:
        The labels.
    """
    said: dict[int, set[str]] = defaultdict(set)
    for label, group, is_decided in zip(labels, groups, decided, strict=True):
        if is_decided:
            said[group].add(label)
    return [
        min(said[group]) if len(said[group]) == 1 else label
        for label, group in zip(labels, groups, strict=True)
    ]


def _not_used(
    copies: Sequence[_Copy], decisions: Sequence[Correction]
) -> list[tuple[Correction, _Copy]]:
    """Pairs each decision to leave a file out with the copy that it is about."""
    paths = {copy.path for copy in copies}
    leaving = [one for one in decisions if one.decision == LEAVE_OUT]
    # A manifest may hold a path more than once.
    pairs = [(one, copy) for one in leaving for copy in copies if copy.path == one.path]
    renamed = [one for one in leaving if one.path not in paths]
    own = {one.path for one in decisions}
    free = [copy for copy in copies if copy.path not in own]
    for one in renamed:
        # Of copies in several classes, the one of which it was decided.
        free.sort(key=lambda copy: (copy.label != one.label, copy.path))
        if free:
            pairs.append((one, free.pop(0)))
    return pairs


def _check_class(correction: Correction, label: str, classes: Collection[str]) -> None:
    if label not in classes:
        raise DataError(
            f"The correction of {printable(correction.path)} gives it the label "
            f"{printable(label)}, but the classes of the data are "
            f"{shortened_list(map(printable, sorted(classes)))}; give it one of these, or take "
            "the correction out of the file."
        )
