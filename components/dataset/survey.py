"""Looks at every photo of a data folder, and decides what becomes of it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

from components.dataset.duplicates import duplicate_groups
from components.dataset.image_file import Inspection, inspect, quiet_pillow
from components.dataset.index import FileIndex
from components.dataset.layout import LabelledFile, Layout, find_photos
from components.dataset.splits import (
    HASHED,
    STRATIFIED,
    default_buckets,
    hashed_keys,
    key_into,
    split_of,
    stratified_splits,
)
from components.dataset.storage import File, joined, read_bytes
from schemas import features

# Decoded and resized, such a photo takes some 800 MB.
MAX_PIXELS = 50_000_000
MAX_BAD_FRACTION = 0.05

NEAR = "near"
EXACT = "exact"

LEAVE_OUT = "leave_out"
KEEP = "keep"

# Files between two writes of the index, and two steps of the progress bar: an interrupted survey
# goes on from there.
_BATCH = 100


@dataclass(frozen=True)
class SurveyOptions:
    """What decides which photos are used, and in which split.

    Attributes:
        max_pixels: a photo with more is set aside before it is decoded.
        max_bad_fraction: share of files set aside, or of photos under two labels, above which
            the data folder is refused.
        duplicates: `near` or `exact`: which photos count as the same picture.
        label_conflicts: `leave_out` or `keep`: what becomes of a picture under two labels.
        strategy: `hashed` or `stratified`; not used where the data folder gives the split.
        eval_fraction: share of the photos for evaluation.
        seed: another one gives another division.
    """

    max_pixels: int = MAX_PIXELS
    max_bad_fraction: float = MAX_BAD_FRACTION
    duplicates: str = NEAR
    label_conflicts: str = LEAVE_OUT
    strategy: str = HASHED
    eval_fraction: float = 0.2
    seed: int = 42


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
    """

    path: str
    label: str
    seen: Inspection
    split: str = ""
    key: str = ""
    group: int = 0

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
        labels = {p.label for p in self.photos} | {p.label for p in self.problems}
        labels |= {photo.label for photos in self.conflicts for photo in photos}
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
        while inspected := dict(islice(pairs, _BATCH)):
            index.remember(inspected)
            found.update(inspected)
            if progress:
                progress(len(inspected))
    return [found[labelled.file] for labelled in layout.files]


def survey(data: str, options: SurveyOptions) -> Survey:
    """Looks at every photo of a data folder, manifest or archive.

    Args:
        data: where it is.
        options: what decides which photos are used.

    Raises:
        DataError: if there are no photos with a class. What else stops a run is found by
            `components.dataset.checks.check_survey`.
    """
    layout = find_photos(data)
    inspections = inspect_files(layout, options.max_pixels)
    return surveyed(layout, inspections, options)


def surveyed(layout: Layout, inspections: Sequence[Inspection], options: SurveyOptions) -> Survey:
    """Decides what becomes of each file, from what is known of it.

    Args:
        layout: the files.
        inspections: one for each of them.
        options: what decides which photos are used.
    """
    problems: list[Problem] = []
    photos: list[Photo] = []
    given: list[str] = []
    for labelled, seen in zip(layout.files, inspections, strict=True):
        if seen.problem:
            problems.append(_problem(labelled, seen))
        else:
            photos.append(Photo(labelled.file.path, labelled.label, seen))
            given.append(labelled.split)
    groups = duplicate_groups(
        [photo.digest for photo in photos],
        [photo.seen.perceptual_hash for photo in photos],
        near=options.duplicates == NEAR,
    )
    photos = [replace(p, group=group) for p, group in zip(photos, groups.group, strict=True)]
    conflicts = _conflicts(photos)
    if options.label_conflicts == LEAVE_OUT:
        left_out = {photo.group for members in conflicts for photo in members}
        kept = [number for number, photo in enumerate(photos) if photo.group not in left_out]
        photos, given = [photos[n] for n in kept], [given[n] for n in kept]
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
    )


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


def _conflicts(photos: list[Photo]) -> list[list[Photo]]:
    members: dict[int, list[Photo]] = defaultdict(list)
    for photo in photos:
        members[photo.group].append(photo)
    return [found for found in members.values() if len({photo.label for photo in found}) > 1]


def _straddling(photos: list[Photo]) -> list[Photo]:
    trained_with = {photo.group for photo in photos if photo.split == features.TRAIN}
    return [p for p in photos if p.split != features.TRAIN and p.group in trained_with]


def _problem(labelled: LabelledFile, seen: Inspection) -> Problem:
    path = labelled.file.path.encode(errors="backslashreplace").decode()
    return Problem(path, labelled.label, seen.problem, seen.size, seen.digest)


def _inspected(root: str, file: File, max_pixels: int) -> Inspection:
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
    return inspect(content, max_pixels)


def _mapped(
    threads: ThreadPoolExecutor, function: Callable[[File], Inspection], files: Sequence[File]
) -> Iterator[Inspection]:
    """Maps in order: unlike `ThreadPoolExecutor.map`, Ctrl-C does not wait for all of them."""
    futures = [threads.submit(function, file) for file in files]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
