"""Looks at every photo of a data folder, and decides what becomes of it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from components.dataset.corrections import Corrected, rule, settle
from components.dataset.duplicates import duplicate_groups
from components.dataset.fingerprint import fingerprint
from components.dataset.image_file import Inspection, inspect, quiet_pillow
from components.dataset.index import FileIndex
from components.dataset.layout import LabelledFile, Layout, find_photos
from components.dataset.options import LEAVE_OUT, NEAR, SurveyOptions
from components.dataset.splits import (
    STRATIFIED,
    default_buckets,
    hashed_keys,
    key_into,
    split_of,
    stratified_splits,
)
from components.dataset.storage import File, joined, read_bytes
from schemas import features
from schemas.corrections import Correction

# Files between two writes of the index, and two steps of the progress bar: an interrupted survey
# goes on from there.
_BATCH = 100


@dataclass(frozen=True)
class Photo:
    """One photo.

    Attributes:
        path: relative to the data folder, with `/`; absolute only where a manifest says so.
        label: its class.
        seen: what is known of its content.
        split: `train`, `eval` or `test`; empty in a photo that is not used.
        key: partition feature that leads TFX to that split.
        group: equal in photos that show the same picture.
        was: the class that the data folder gives it, if a correction gave it another; or empty.
    """

    path: str
    label: str
    seen: Inspection
    split: str = ""
    key: str = ""
    group: int = 0
    was: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the file's content, in hex."""
        return self.seen.digest


@dataclass(frozen=True)
class Problem:
    """A file that is not used.

    Attributes:
        path: as in `Photo`.
        label: its class.
        reason: why, such as `empty`.
        size: in bytes.
        digest: SHA-256 of its content in hex; empty if it could not be read.
    """

    path: str
    label: str
    reason: str
    size: int
    digest: str


@dataclass(frozen=True)
class Survey:
    """What lies in a data folder.

    Attributes:
        root: what paths are relative to.
        layout: `class folders`, `split folders` or `manifest`.
        photos: those that are used, in the order of their paths.
        problems: files that cannot be used.
        conflicts: pictures under more than one label: the photos of each. Unless they are to
            be kept, they are not among `photos`.
        straddling: photos for evaluation whose picture is in another given split, too.
        alike: how many photos look alike, but are too many to be copies.
        buckets: number of hash buckets of each split.
        given: whether the data folder says which split each photo is in.
        left_out: photos that a person left out.
        corrected: what became of the corrections.
        fingerprint: digest of what lies in the data folder.
    """

    root: str
    layout: str
    photos: list[Photo]
    problems: list[Problem] = field(default_factory=list)
    conflicts: list[list[Photo]] = field(default_factory=list)
    straddling: list[Photo] = field(default_factory=list)
    alike: int = 0
    buckets: dict[str, int] = field(default_factory=dict)
    given: bool = False
    left_out: list[Photo] = field(default_factory=list)
    corrected: Corrected = field(default_factory=Corrected)
    fingerprint: str = ""

    @property
    def duplicates(self) -> list[list[Photo]]:
        """The photos of each group that has more than one."""
        members: dict[int, list[Photo]] = defaultdict(list)
        for photo in self.photos:
            members[photo.group].append(photo)
        return [photos for photos in members.values() if len(photos) > 1]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Photos by class, then by split; a class that has none left is there, too."""
        conflicting = [photo for photos in self.conflicts for photo in photos]
        labels = {problem.label for problem in self.problems}
        labels |= {photo.label for photo in (*self.photos, *self.left_out, *conflicting)}
        labels |= {photo.was for photo in (*self.photos, *conflicting) if photo.was}
        counted = Counter((photo.label, photo.split) for photo in self.photos)
        return {
            label: {split: counted[label, split] for split in self.buckets}
            for label in sorted(labels)
        }


def inspect_files(
    layout: Layout, max_pixels: int, progress: Callable[[int], None] | None = None
) -> list[Inspection]:
    """Looks at each file, in threads; at unchanged ones only the first time.

    Args:
        layout: the files.
        max_pixels: as in `SurveyOptions`.
        progress: called with the number of files just looked at.

    Returns:
        One inspection for each of `layout.files`.
    """
    index = FileIndex(layout.root, max_pixels)
    files = list({labelled.file: None for labelled in layout.files})
    known = index.known(files)
    found = {file: known[file.path] for file in files if file.path in known}
    if progress:
        progress(len(found))
    new = [file for file in files if file not in found]
    with quiet_pillow(), ThreadPoolExecutor(os.cpu_count()) as threads:
        looked = _mapped(threads, lambda file: _inspected(layout.root, file, max_pixels), new)
        pairs = zip(new, looked, strict=True)
        # The threads go on while a batch is written.
        while looked_at := dict(islice(pairs, _BATCH)):
            inspected = {file: seen for file, seen in looked_at.items() if seen}
            index.remember(inspected)
            found.update(inspected)
            if progress:
                progress(len(inspected))
        # For these there was too little memory beside the others.
        for file in [file for file in new if file not in found]:
            found[file] = _inspected(layout.root, file, max_pixels) or _too_large(file)
            if progress:
                progress(1)
    return [found[labelled.file] for labelled in layout.files]


def survey(data: str, options: SurveyOptions, *, corrections: Iterable[Correction] = ()) -> Survey:
    """Looks at every photo of a data folder, manifest or archive.

    Args:
        data: where it is.
        options: what decides which photos are used.
        corrections: what a person decided about photos.

    Raises:
        DataError: if there are no photos with a class, or a correction gives one a class that
            there is not. What else stops a run is found by
            `components.dataset.checks.check_survey`.
    """
    layout = find_photos(data)
    inspections = inspect_files(layout, options.max_pixels)
    return surveyed(layout, inspections, options, corrections=corrections)


def surveyed(
    layout: Layout,
    inspections: Sequence[Inspection],
    options: SurveyOptions,
    *,
    corrections: Iterable[Correction] = (),
) -> Survey:
    """Decides what becomes of each file, from what is known of it.

    Args:
        layout: the files.
        inspections: one for each of them.
        options: what decides which photos are used.
        corrections: what a person decided about photos.

    Raises:
        DataError: if a correction gives a photo a class that there is not.
    """
    problems: list[Problem] = []
    usable: list[_Usable] = []
    for labelled, seen in zip(layout.files, inspections, strict=True):
        if seen.problem:
            problems.append(_problem(labelled, seen))
        else:
            photo = Photo(labelled.file.path, labelled.label, seen)
            usable.append(_Usable(photo, labelled.split))
    corrections = list(corrections)
    usable, left_out, applied = _corrected(
        usable, corrections, {labelled.label for labelled in layout.files}
    )
    groups = duplicate_groups(
        [one.photo.digest for one in usable],
        [one.photo.seen.perceptual_hash for one in usable],
        near=options.duplicates == NEAR,
    )
    usable = [one.but(group=group) for one, group in zip(usable, groups.group, strict=True)]
    changed = {p.digest for p in left_out} | {one.photo.digest for one in usable if one.photo.was}
    if options.label_conflicts == LEAVE_OUT:
        changed |= {one.photo.digest for found in _under_several_labels(usable) for one in found}
        usable = _settled(usable)
    conflicts = [
        [one.photo for one in found]
        for found in _under_several_labels(usable)
        # Where a person gave each its label, they only look alike.
        if not all(one.decided for one in found)
    ]
    if options.label_conflicts == LEAVE_OUT:
        unusable = {photo.group for members in conflicts for photo in members}
        usable = [one for one in usable if one.photo.group not in unusable]
    photos, given = [one.photo for one in usable], [one.split for one in usable]
    known = set(applied)
    buckets = default_buckets(options.eval_fraction)
    if features.TEST in given:
        buckets = dict.fromkeys((features.TRAIN, features.EVAL, features.TEST), 1)
    photos = _with_splits(photos, given, buckets, options)
    return Survey(
        root=layout.root,
        layout=layout.kind,
        photos=photos,
        problems=problems,
        conflicts=conflicts,
        straddling=_straddling(photos) if any(given) else [],
        alike=groups.alike,
        buckets=buckets,
        given=any(given),
        left_out=left_out,
        corrected=Corrected(
            applied=tuple(applied),
            changing=tuple(one for one in applied if one.sha256 in changed),
            unmatched=tuple(one for one in corrections if one not in known),
        ),
        fingerprint=fingerprint(layout, inspections),
    )


@dataclass(frozen=True)
class _Usable:
    """A file that is a photo.

    Attributes:
        photo: what is known of it.
        split: that the data folder gives it, or empty.
        decided: whether a person said that its label is right.
    """

    photo: Photo
    split: str
    decided: bool = False

    def but(self, **changes: Any) -> _Usable:
        return replace(self, photo=replace(self.photo, **changes))

    def labelled(self, label: str) -> _Usable:
        if label == self.photo.label:
            return self
        return self.but(label=label, was=self.photo.label)


def _corrected(
    usable: Sequence[_Usable], corrections: Iterable[Correction], classes: Collection[str]
) -> tuple[list[_Usable], list[Photo], list[Correction]]:
    """Returns the photos that are used, those that a person left out, and what applied."""
    photos = [(one.photo.path, one.photo.label, one.photo.digest) for one in usable]
    rulings = rule(photos, corrections, classes=classes)
    left_out = [one.photo for one, out in zip(usable, rulings.left_out, strict=True) if out]
    corrected = [
        replace(one.labelled(label), decided=decided)
        for one, label, decided, out in zip(
            usable, rulings.labels, rulings.decided, rulings.left_out, strict=True
        )
        if not out
    ]
    return corrected, left_out, rulings.applied


def _settled(usable: Sequence[_Usable]) -> list[_Usable]:
    labels = settle(
        [one.photo.label for one in usable],
        [one.photo.group for one in usable],
        [one.decided for one in usable],
    )
    return [one.labelled(label) for one, label in zip(usable, labels, strict=True)]


def _under_several_labels(usable: Iterable[_Usable]) -> list[list[_Usable]]:
    members: dict[int, list[_Usable]] = defaultdict(list)
    for one in usable:
        members[one.photo.group].append(one)
    return [found for found in members.values() if len({one.photo.label for one in found}) > 1]


def _with_splits(
    photos: list[Photo], given: list[str], buckets: dict[str, int], options: SurveyOptions
) -> list[Photo]:
    digests = [photo.digest for photo in photos]
    # Numbers of photos that are left: `stratified_splits` looks labels up by them.
    first: dict[int, int] = {}
    groups = [first.setdefault(photo.group, number) for number, photo in enumerate(photos)]
    if any(given) or options.strategy == STRATIFIED:
        splits = given
        if not any(given):
            splits = stratified_splits(
                digests,
                [photo.label for photo in photos],
                groups,
                eval_fraction=options.eval_fraction,
                seed=options.seed,
            )
        keys = [key_into(split, tuple(buckets.items())) for split in splits]
    else:
        keys = hashed_keys(digests, groups, options.seed)
        by_key = {key: split_of(key, buckets) for key in set(keys)}
        splits = [by_key[key] for key in keys]
    return [
        replace(photo, split=split, key=key)
        for photo, split, key in zip(photos, splits, keys, strict=True)
    ]


def _straddling(photos: list[Photo]) -> list[Photo]:
    trained_with = {photo.group for photo in photos if photo.split == features.TRAIN}
    return [p for p in photos if p.split != features.TRAIN and p.group in trained_with]


def _problem(labelled: LabelledFile, seen: Inspection) -> Problem:
    path = labelled.file.path.encode(errors="backslashreplace").decode()
    return Problem(path, labelled.label, seen.problem, seen.size, seen.digest)


def _too_large(file: File) -> Inspection:
    return Inspection("", file.size, "takes more memory than there is")


def _inspected(root: str, file: File, max_pixels: int) -> Inspection | None:
    """Looks at a file; returns nothing if memory runs out."""
    try:
        file.path.encode()
    except UnicodeEncodeError:
        return Inspection("", file.size, "the name is not UTF-8")
    if file.trouble:
        return Inspection("", file.size, file.trouble)
    try:
        content = read_bytes(joined(root, file.path))
    except OSError as error:
        return Inspection("", file.size, (error.strerror or "cannot be read").lower())
    try:
        return inspect(content, max_pixels)
    except MemoryError:
        return None


def _mapped(
    threads: ThreadPoolExecutor,
    function: Callable[[File], Inspection | None],
    files: Sequence[File],
) -> Iterator[Inspection | None]:
    """Maps in order: unlike `ThreadPoolExecutor.map`, Ctrl-C does not wait for all of them."""
    futures = [threads.submit(function, file) for file in files]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
