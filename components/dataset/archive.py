"""Unpacks an archive of photos, without trusting it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from components.dataset.cache import dataset_cache
from schemas.errors import DataError, printable

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

# What an archive may hold at most. Photos hardly compress: ten times is a bomb or no photos.
MAX_FILES = 1_000_000
MAX_RATIO = 10
# Below this an archive may hold what it likes: a handful of flat pictures compresses well.
MIN_BYTES = 1_000_000_000

_COPIED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class _Member:
    name: str
    size: int


def is_archive(path: str) -> bool:
    """Tells by its name whether a file is an archive that can be unpacked."""
    return path.lower().endswith(ARCHIVE_SUFFIXES)


def unpacked(archive: Path) -> Path:
    """Returns a folder with the content of an archive, which is unpacked the first time only.

    The folder is in the cache of this machine and named by the archive's digest.

    Raises:
        DataError: as `unpack`, or if the archive cannot be read.
    """
    try:
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{printable(str(archive))}: {error.strerror}; make it readable."
        ) from error
    folder = dataset_cache() / "unpacked" / digest
    if not folder.is_dir():
        unpack(archive, folder)
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a .zip or .tar file into a folder, which appears whole or not at all.

    Only files are unpacked: no links, no devices, and nothing that would lie outside.

    Args:
        archive: the file.
        folder: where to; must not exist.

    Raises:
        DataError: if the archive is damaged, leads outside, holds far more than its size lets
            expect, or there is no place for it.
    """
    name = printable(str(archive))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name[:12]}.", dir=folder.parent))
    except OSError as error:
        raise DataError(
            f"{name} cannot be unpacked into {folder.parent}: {error.strerror}; unpack it "
            "yourself and name the folder, or set XDG_CACHE_HOME to another place."
        ) from error
    try:
        limit = max(MIN_BYTES, MAX_RATIO * archive.stat().st_size)
        _unpack_members(archive, partial, limit)
        os.replace(partial, folder)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError) as error:
        # RuntimeError is how zipfile says that a password is needed.
        reason = "it needs a password" if "password" in str(error) else "it is damaged"
        raise DataError(f"{name} cannot be unpacked: {reason}; pack it again.") from error
    except NotImplementedError as error:
        raise DataError(f"{name} cannot be unpacked: {error}; pack it as .zip or .tar.") from error
    except OSError as error:
        if folder.is_dir():  # Another process was faster.
            return
        raise DataError(
            f"{name} cannot be unpacked into {folder.parent}: {error.strerror or error}; "
            "unpack it yourself and name the folder."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack_members(archive: Path, folder: Path, limit: int) -> None:
    name = printable(str(archive))
    total = 0
    for count, (member, stream) in enumerate(_members(archive), start=1):
        total += member.size
        # A member's own word for its size is checked again while it is copied.
        if total > limit or count > MAX_FILES:
            raise DataError(
                f"{name} holds more than its size lets expect ({count} files, {total:,} bytes so "
                f"far, and {limit:,} are allowed): it looks like a decompression bomb; unpack it "
                "yourself and name the folder if you trust it."
            )
        target = folder / _safe(name, member.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            _copy(stream, file, member.size, name)


def _members(archive: Path) -> Iterator[tuple[_Member, IO[bytes]]]:
    """Yields each regular file of an archive, to be read before the next one."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                is_link = info.external_attr >> 28 == 0xA  # S_IFLNK of the Unix mode.
                if not (info.is_dir() or is_link):
                    with file.open(info) as stream:
                        yield _Member(info.filename, info.file_size), stream
        return
    with tarfile.open(archive, "r:*") as file:
        for entry in file:
            content = file.extractfile(entry) if entry.isreg() else None
            if content:
                yield _Member(entry.name, entry.size), content


def _safe(archive: str, member: str) -> PurePosixPath:
    path = PurePosixPath(member.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in member or not path.parts:
        raise DataError(
            f"{archive} holds a file that would lie outside of its folder ({printable(member)}); "
            "do not use this archive unless you know why."
        )
    return path


def _copy(source: IO[bytes], target: IO[bytes], size: int, archive: str) -> None:
    left = size
    while chunk := source.read(_COPIED_AT_ONCE):
        left -= len(chunk)
        if left < 0:
            raise DataError(f"{archive} cannot be unpacked: it is damaged; pack it again.")
        target.write(chunk)
