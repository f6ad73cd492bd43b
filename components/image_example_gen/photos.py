"""Finds the photos of a data folder, fingerprints them and decides the split of each.

Files that cannot be used are set aside with a reason; decoding, later on, may find more.

Needs no TensorFlow, so that a folder that cannot be used is refused at once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from schemas import features
from schemas.errors import DataError, printable, shortened_list

# Resolution of the split: the evaluation share is rounded to thousandths.
SPLIT_BUCKETS = 1000

# A file named so is meant to be a photo. Those of the second line are not decoded, but listed.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp"}
    | {".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl"}
)

# First bytes of the formats that `tf.io.decode_image` reads; RIFF is completed below for WebP.
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")

# Left behind by operating systems and archivers; never photos.
_IGNORED_NAMES = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"})

# In Pillow's words.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")

# Decoded and resized, such a photo takes some 800 MB.
MAX_PIXELS = 50_000_000
MAX_BAD_FRACTION = 0.05

# How many other seeds are tried for one that gives every class a photo in each split.
_SEEDS_TRIED = 1000


@dataclass(frozen=True)
class Photo:
    """One photo of a data folder.

    Attributes:
        path: relative to the data folder, with `/`.
        label: the class, which is the first folder of the path.
        digest: SHA-256 of the file's content, in hex.
    """

    path: str
    label: str
    digest: str


@dataclass(frozen=True)
class Problem(Photo):
    """A file that cannot be used.

    Attributes:
        reason: why, such as `empty`.
        size: in bytes.
    """

    reason: str
    size: int


@dataclass(frozen=True)
class Listing:
    """What lies in the class folders of a data folder.

    Attributes:
        photos: those with nothing known against them, in the order of their paths.
        problems: the others.
    """

    photos: list[Photo]
    problems: list[Problem]


def photo_paths(folder: str) -> list[str]:
    """Lists the photos of a data folder in a fixed order, relative to it and with `/`.

    A photo is a file, below a class folder, whose name ends like an image's or whose first
    bytes are an image's. Hidden files and what operating systems leave behind are ignored.

    Raises:
        DataError: if the folder is missing, cannot be read, or holds no class folder with photos.
    """
    root = _readable_folder(folder)
    classes = sorted(entry.name for entry in _entries(root) if _is_folder(entry))
    paths: list[str] = []
    empty: list[str] = []
    for name in classes:
        found = sorted(_below(root / name, name))
        paths.extend(found)
        if not found:
            empty.append(name)
    if not paths:
        raise DataError(_nothing_found(root, classes))
    if empty:
        raise DataError(
            f"{printable(folder)}: no photos in the class folder "
            f"{shortened_list(map(printable, empty))}; "
            "add photos or remove the folder."
        )
    return paths


def read_photos(folder: str, max_pixels: int = MAX_PIXELS) -> Listing:
    """Lists the photos of a data folder with the digest of each, by a look at their headers.

    Args:
        folder: the data folder.
        max_pixels: a photo with more is set aside.

    Raises:
        DataError: as `photo_paths`, and if a file cannot be read.
    """
    photos: list[Photo] = []
    problems: list[Problem] = []
    for path in photo_paths(folder):
        content = read_photo(folder, path)
        photo = photo_of(path, content)
        reason = problem_with(content, max_pixels)
        if reason:
            problems.append(problem_of(photo, reason, content))
        else:
            photos.append(photo)
    return Listing(photos, problems)


def photo_of(path: str, content: bytes) -> Photo:
    """Describes a photo by its path, relative to the data folder, and content."""
    return Photo(path, path.split("/", 1)[0], hashlib.sha256(content).hexdigest())


def problem_of(photo: Photo, reason: str, content: bytes) -> Problem:
    """Describes a file that cannot be used."""
    return Problem(photo.path, photo.label, photo.digest, reason, len(content))


def problem_with(content: bytes, max_pixels: int) -> str | None:
    """Returns why a file cannot be used, as far as its header tells.

    Args:
        content: of the file.
        max_pixels: width times height may be this at most.
    """
    if not content:
        return "empty"
    if not looks_like_image(content):
        return "not a JPEG, PNG, GIF, BMP or WebP file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                width, height = image.size
    except Image.DecompressionBombError:
        return "more than data.max_pixels"
    except Exception:  # noqa: BLE001 (Pillow's readers raise whatever a header makes them)
        return "damaged header"
    if width * height > max_pixels:
        return f"{width} x {height} pixels, more than data.max_pixels"
    return None


def read_photo(folder: str, path: str) -> bytes:
    """Returns the content of one photo.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        return Path(folder, path).read_bytes()
    except OSError as error:
        raise DataError(
            f"{printable(os.path.join(folder, path))}: {error.strerror}; "
            "make the photo readable or remove it."
        ) from error


def looks_like_image(content: bytes) -> bool:
    """Tells by the first bytes whether this is a JPEG, PNG, GIF, BMP or WebP file."""
    return content.startswith(_MAGIC) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


def fingerprint(listing: Listing) -> str:
    """Digests which content lies under which path, and so under which label.

    TFX's own fingerprint is count, bytes and times of files: it does not see a photo moved
    from one class folder to another.
    """
    files = sorted([*listing.photos, *listing.problems], key=lambda photo: photo.path)
    text = json.dumps([[photo.path, photo.digest] for photo in files])
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def split_key(digest: str, seed: int) -> str:
    """Returns the partition feature of a photo: a hash of seed and content, in hex.

    Equal photos get equal keys, so a copy never lies in the other split.
    """
    return hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


def split_of(digest: str, seed: int, eval_buckets: int) -> str:
    """Returns the split to which TFX's ExampleGen assigns a photo.

    It is bucket = SHA-256 of the serialized partition feature, modulo the number of buckets
    (tfx/components/example_gen/base_example_gen_executor.py, `_PartitionFn`); training has
    the lower buckets.
    """
    key = split_key(digest, seed).encode()
    # A tf.train.Feature with one bytes value in protobuf's wire format, built without TensorFlow.
    bytes_list = b"\x0a" + bytes([len(key)]) + key
    feature = b"\x0a" + bytes([len(bytes_list)]) + bytes_list
    bucket = int(hashlib.sha256(feature).hexdigest(), 16) % SPLIT_BUCKETS
    return features.TRAIN if bucket < SPLIT_BUCKETS - eval_buckets else features.EVAL


def eval_buckets(eval_fraction: float) -> int:
    """Returns how many of `SPLIT_BUCKETS` buckets are for evaluation."""
    return round(eval_fraction * SPLIT_BUCKETS)


def check_photos(
    folder: str,
    listing: Listing,
    *,
    eval_fraction: float,
    seed: int,
    max_bad_fraction: float = MAX_BAD_FRACTION,
) -> None:
    """Makes sure that a classifier can be trained and evaluated on these photos.

    Raises:
        DataError: if too many files cannot be used, there are fewer than two classes, or a
            class has no photo in a split.
    """
    photos, problems = listing.photos, listing.problems
    total = len(photos) + len(problems)
    if len(problems) > max_bad_fraction * total:
        names = shortened_list(f"{printable(p.path)} ({p.reason})" for p in problems)
        raise DataError(
            f"{printable(folder)}: {len(problems)} of {total} files cannot be used, more than "
            f"data.max_bad_fraction = {max_bad_fraction:g} allows; replace or remove them, or "
            f"raise it: {names}."
        )
    counts = Counter(photo.label for photo in photos)
    counts.update({problem.label: 0 for problem in problems})
    if len(counts) == 1:
        raise DataError(
            f"{printable(folder)} holds one class only, {printable(next(iter(counts)))}: a "
            "classifier needs photos of at least two classes, each in a folder of its own."
        )
    few = [f"{printable(label)} has {n}" for label, n in sorted(counts.items()) if n < 2]
    if few:
        raise DataError(
            f"{printable(folder)}: each class needs at least 2 photos, one to train and one to "
            f"evaluate with, but {shortened_list(few)}; add photos or remove the class folder."
        )
    buckets = eval_buckets(eval_fraction)
    missing = _missing(photos, seed, buckets)
    if missing:
        names = shortened_list(f"{printable(label)} in {split}" for label, split in missing)
        raise DataError(
            f"{printable(folder)}: no photos of {names}; {_remedy(photos, seed, buckets)}."
        )


def _missing(photos: Sequence[Photo], seed: int, buckets: int) -> list[tuple[str, str]]:
    present = {(photo.label, split_of(photo.digest, seed, buckets)) for photo in photos}
    labels = sorted({photo.label for photo in photos})
    wanted = [(label, split) for label in labels for split in (features.TRAIN, features.EVAL)]
    return [pair for pair in wanted if pair not in present]


def _remedy(photos: Sequence[Photo], seed: int, buckets: int) -> str:
    for other in range(seed + 1, seed + 1 + _SEEDS_TRIED):
        if not _missing(photos, other, buckets):
            return f"add photos of it, or divide them differently with --set split.seed={other}"
    # Copies of one photo always go together, so more of them do not help.
    return "add other photos of it, or set split.eval_fraction nearer to 0.5"


def _readable_folder(folder: str) -> Path:
    root = Path(folder)
    name = printable(folder)
    try:
        folder.encode()
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except UnicodeEncodeError as error:
        raise DataError(f"{os.fsencode(folder)!r}: the name is not UTF-8; rename it.") from error
    except FileNotFoundError as error:
        raise DataError(
            f"{name} does not exist; name the folder that holds the class folders."
        ) from error
    except OSError as error:
        raise DataError(
            f"{name}: {error.strerror}; name a readable folder that holds the class folders."
        ) from error
    if not is_folder:
        raise DataError(f"{name} is a file; name the folder that holds the class folders.")
    return root


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            kept = [e for e in entries if not (e.name[0] == "." or e.name in _IGNORED_NAMES)]
    except OSError as error:
        raise DataError(
            f"{printable(str(folder))}: {error.strerror}; make the folder readable."
        ) from error
    for entry in kept:
        try:
            entry.name.encode()
        except UnicodeEncodeError as error:
            name = os.fsencode(entry.path)
            raise DataError(f"{name!r}: the name is not UTF-8; rename it.") from error
        yield entry


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        raise DataError(f"{printable(entry.path)}: {error.strerror}; mend or remove it.") from error


def _below(folder: Path, relative: str) -> Iterator[str]:
    for entry in _entries(folder):
        path = f"{relative}/{entry.name}"
        # Links to folders are not followed: they can lead in circles.
        if entry.is_dir(follow_symlinks=False):
            yield from _below(folder / entry.name, path)
        elif entry.is_file() and _is_photo(folder / entry.name):
            yield path


def _is_photo(file: Path) -> bool:
    if file.suffix.lower() in IMAGE_SUFFIXES:
        return True
    try:
        with file.open("rb") as stream:
            return looks_like_image(stream.read(12))
    except OSError as error:
        raise DataError(
            f"{printable(str(file))}: {error.strerror}; make it readable or remove it."
        ) from error


def _nothing_found(root: Path, classes: Sequence[str]) -> str:
    name, example = printable(str(root)), printable(str(root / "cat"))
    if any(entry.is_file() and _is_photo(Path(entry.path)) for entry in _entries(root)):
        return (
            f"The photos in {name} lie in no class folder; move those of each class into a "
            f"folder with the name of the class, such as {example}."
        )
    if classes:
        return (
            f"No photos in the class folders of {name} "
            f"({shortened_list(map(printable, classes))}); put JPEG, PNG, GIF, BMP or WebP "
            "files there."
        )
    return (
        f"{name} holds no class folders; put the photos of each class into a folder with the "
        f"name of the class, such as {example}."
    )
