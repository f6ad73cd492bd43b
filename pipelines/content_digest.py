"""A digest of what lies in an artifact's folder, cheap enough to be made after every component."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from schemas.run_record import PARTIAL_DIGEST, WHOLE_DIGEST

# Bytes of an artifact up to which every one is read: some tenths of a second.
MOST_READ = 256 * 1024 * 1024

# Of each file, above that.
_BEGINNING = 64 * 1024

_CHUNK = 1024 * 1024


def content_digest(folder: Path, most_read: int = MOST_READ) -> str | None:
    """Digests names, sizes and contents of all files below a folder.

    Args:
        folder: of an artifact, or its only file.
        most_read: bytes; with more, only the beginning of each file counts, and the digest
            says so.

    Returns:
        `WHOLE_DIGEST` or `PARTIAL_DIGEST` with 64 hex digits, or None if there is nothing.
    """
    files = [(file, file.stat().st_size) for file in _files(folder)]
    if not files:
        return None
    whole = sum(size for _, size in files) <= most_read
    digest = hashlib.sha256()
    for file, size in files:
        digest.update(file.relative_to(folder).as_posix().encode(errors="surrogateescape") + b"\0")
        digest.update(f"{size}\0".encode())
        digest.update(_digest_of_file(file, size if whole else min(size, _BEGINNING)))
    return (WHOLE_DIGEST if whole else PARTIAL_DIGEST) + digest.hexdigest()


def examples_digest(folder: Path, most_read: int = MOST_READ) -> str | None:
    """Digests the examples of each split, whatever their order.

    Beam writes the same photos in another order each time, and their features, too.

    Args:
        folder: of an Examples artifact.
        most_read: bytes; with more, the digest is that of `content_digest`.
    """
    files = list(_files(folder))
    if sum(file.stat().st_size for file in files) > most_read:
        return content_digest(folder, most_read)
    digest = hashlib.sha256()
    for split in sorted({file.parent for file in files}):
        parts = sorted(file for file in files if file.parent == split)
        digest.update(split.relative_to(folder).as_posix().encode() + b"\0")
        for one in sorted(one for part in parts for one in _digests_of_examples(part)):
            digest.update(one)
    return WHOLE_DIGEST + digest.hexdigest() if files else None


def _digests_of_examples(file: Path) -> Iterator[bytes]:
    compression = "GZIP" if file.suffix == ".gz" else ""
    for record in tf.data.TFRecordDataset(str(file), compression).as_numpy_iterator():
        example = tf.train.Example.FromString(record)
        yield hashlib.sha256(example.SerializeToString(deterministic=True)).digest()


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))


def _digest_of_file(file: Path, length: int) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while length > 0 and (chunk := stream.read(min(length, _CHUNK))):
            digest.update(chunk)
            length -= len(chunk)
    return digest.digest()
