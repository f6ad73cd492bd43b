"""Lists and reads files, on this machine or wherever `tf.io.gfile` reads (`gs://`, `ram://`)."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from schemas.errors import DataError, printable

# Left behind by operating systems and archivers; never photos.
_IGNORED_NAMES = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"})

# Seconds to wait before a file behind a network is asked for again.
PAUSES = (0.5, 1.0, 2.0)

# How the operating system says that a network file system does not answer.
_NO_ANSWER = frozenset(
    {errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNABORTED, errno.EHOSTDOWN}
    | {errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ESTALE, errno.ENOTCONN}
)


@dataclass(frozen=True)
class File:
    """A file below a folder.

    Attributes:
        path: relative to the folder, with `/`; absolute only where a manifest says so.
        size: in bytes; 0 where it cannot be told.
        stamp: another one whenever the content may have changed; empty where none is known.
        changed: when that last happened, in seconds since 1970.
        trouble: why it cannot be read, or empty.
    """

    path: str
    size: int = 0
    stamp: str = ""
    changed: float = 0.0
    trouble: str = ""


def is_remote(path: str) -> bool:
    """Tells whether a path needs `tf.io.gfile`, such as `gs://bucket/photos`."""
    return "://" in path


def joined(folder: str, path: str) -> str:
    """Returns where a file of a folder lies; an absolute or remote `path` stays as it is."""
    if is_remote(path):
        return path
    return f"{folder.rstrip('/')}/{path}" if is_remote(folder) else os.path.join(folder, path)


def is_file(path: str) -> bool:
    """Tells whether this is a file that exists."""
    if is_remote(path):
        gfile = _gfile()
        return bool(gfile.exists(path) and not gfile.isdir(path))
    try:
        return Path(path).is_file()
    except OSError:  # The name is too long, or a folder above may not be read.
        return False


def read_bytes(path: str) -> bytes:
    """Returns the content of a file.

    Raises:
        OSError: if it cannot be read.
        DataError: if the network that it lies behind does not answer, also when asked again.
    """
    pauses = iter(PAUSES)
    while True:
        try:
            return _read_remote(path) if is_remote(path) else Path(path).read_bytes()
        except OSError as error:
            if error.errno not in _NO_ANSWER:
                raise
            pause = next(pauses, None)
            if pause is None:
                # Not the file's fault: it is not to be set aside.
                raise DataError(
                    f"{printable(path)} cannot be read ({_reason(error)}); run the same command "
                    "again when the network answers."
                ) from error
        time.sleep(pause)


def _read_remote(path: str) -> bytes:
    import tensorflow as tf  # noqa: PLC0415 (only remote files need it)

    try:
        with tf.io.gfile.GFile(path, "rb") as stream:
            content: bytes = stream.read()
            return content
    except (tf.errors.UnavailableError, tf.errors.DeadlineExceededError) as error:
        raise OSError(errno.ETIMEDOUT, error.message) from error
    except tf.errors.OpError as error:
        raise OSError(0, error.message) from error


def first_bytes(path: str, count: int) -> bytes:
    """Returns how a file begins.

    Raises:
        OSError: if it cannot be read.
    """
    if is_remote(path):
        return read_bytes(path)[:count]
    with Path(path).open("rb") as stream:
        return stream.read(count)


def described(folder: str, path: str) -> File:
    """Describes one file that may not exist."""
    place = joined(folder, path)
    if is_remote(place):
        return File(path) if is_file(place) else File(path, trouble="does not exist")
    try:
        return _local_file(path, os.stat(place))
    except OSError as error:
        return File(path, trouble=_reason(error))


def check_folder(
    folder: str, wanted: str = "the folder that holds the class folders, a manifest or an archive"
) -> None:
    """Makes sure that a folder exists and can be listed.

    Args:
        folder: on this machine or remote.
        wanted: what the user is asked to name instead.

    Raises:
        DataError: if not.
    """
    name = printable(folder)
    if is_remote(folder):
        import tensorflow as tf  # noqa: PLC0415 (only remote files need it)

        try:
            found = tf.io.gfile.isdir(folder)
        except tf.errors.OpError as error:
            raise DataError(f"{name} cannot be read ({error.message}); name {wanted}.") from error
        if not found:
            raise DataError(f"{name} does not exist; name {wanted}.")
        return
    try:
        folder.encode()
        is_folder = stat.S_ISDIR(os.stat(folder).st_mode)
    except UnicodeEncodeError as error:
        raise DataError(f"{os.fsencode(folder)!r}: the name is not UTF-8; rename it.") from error
    except FileNotFoundError as error:
        raise DataError(f"{name} does not exist; name {wanted}.") from error
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}; name {wanted}.") from error
    if not is_folder:
        raise DataError(f"{name} is a file of an unknown kind; name {wanted}.")


def folders_in(folder: str) -> list[str]:
    """Returns the names of the folders in a folder, sorted; see `walk` for links.

    Raises:
        DataError: if it cannot be listed, or the name of a folder is not UTF-8.
    """
    if is_remote(folder):
        gfile = _gfile()
        names = [name.rstrip("/") for name in gfile.listdir(folder)]
        return sorted(n for n in names if _is_kept(n) and gfile.isdir(joined(folder, n)))
    root = os.path.realpath(folder)
    found = [e for e in _entries(folder) if _is_folder(e) and not _leads_back(e, {root})]
    for entry in found:
        try:
            entry.name.encode()
        except UnicodeEncodeError as error:
            place = os.fsencode(entry.path)
            raise DataError(f"{place!r}: the name is not UTF-8; rename it.") from error
    return sorted(entry.name for entry in found)


def files_in(folder: str) -> list[str]:
    """Returns the names of the files in a folder, sorted.

    Raises:
        DataError: if it cannot be listed.
    """
    if is_remote(folder):
        gfile = _gfile()
        return sorted(
            n for n in gfile.listdir(folder) if _is_kept(n) and not gfile.isdir(joined(folder, n))
        )
    return sorted(entry.name for entry in _entries(folder) if not _is_folder(entry))


def walk(folder: str, below: str = "") -> Iterator[File]:
    """Yields the files of a folder's folder and all folders in it.

    They come in the order of their paths; at a remote place, the files of a folder come before
    those in folders below it.

    Hidden files, and what operating systems leave behind, are passed over. A link to a folder
    that is outside of `folder` is followed, once; one that leads back into it is not: it would
    give a photo a second path, and perhaps a second label, or lead in circles.

    Args:
        folder: the data folder.
        below: relative to it; all of it if empty.

    Raises:
        DataError: if a folder cannot be listed.
    """
    if is_remote(folder):
        yield from _walk_remote(folder, below)
    else:
        yield from _walk_local(Path(folder), below, {os.path.realpath(folder)})


def _walk_remote(folder: str, below: str) -> Iterator[File]:
    gfile = _gfile()
    start = joined(folder, below)
    for place, _, names in gfile.walk(start):
        inner = place[len(start) :].strip("/")
        if not all(_is_kept(part) for part in PurePosixPath(inner).parts):
            continue
        for name in sorted(filter(_is_kept, names)):
            path = "/".join(filter(None, (below, inner, name)))
            status = gfile.stat(joined(folder, path))
            stamp = f"{status.length} {status.mtime_nsec}"
            yield File(path, status.length, stamp, status.mtime_nsec / 1e9)


def _walk_local(root: Path, below: str, seen: set[str]) -> Iterator[File]:
    for entry in sorted(_entries(str(root / below)), key=_in_paths):
        path = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk_local(root, path, seen)
        elif _is_folder(entry):
            if not _leads_back(entry, seen):
                seen.add(os.path.realpath(entry.path))
                yield from _walk_local(root, path, seen)
        else:
            try:
                yield _local_file(path, entry.stat())
            except OSError as error:
                yield File(path, trouble=_reason(error))


def _in_paths(entry: os.DirEntry[str]) -> str:
    """Returns what comes where in sorted paths: `a.jpg` before what is in the folder `a`."""
    return f"{entry.name}/" if _is_folder(entry) else entry.name


def _leads_back(entry: os.DirEntry[str], seen: set[str]) -> bool:
    if not entry.is_symlink():
        return False
    place = os.path.realpath(entry.path)
    return any(_is_within(place, one) or _is_within(one, place) for one in seen)


def _is_within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip("/") + "/")


def _local_file(path: str, status: os.stat_result) -> File:
    if not stat.S_ISREG(status.st_mode):  # Reading a pipe would wait for ever.
        return File(path, trouble="not a regular file")
    # A changed file may keep its time (cp -p), but not its time of change and place on the disk.
    stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
    return File(path, status.st_size, stamp, max(status.st_mtime, status.st_ctime))


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return "does not exist" if isinstance(error, FileNotFoundError) else reason.lower()


def _is_kept(name: str) -> bool:
    return not name.startswith(".") and name.rstrip("/") not in _IGNORED_NAMES


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if _is_kept(e.name)), key=lambda e: e.name)
    except OSError as error:
        raise DataError(
            f"{printable(folder)}: {error.strerror}; make the folder readable."
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that leads to itself.
        return False


def _gfile() -> Any:
    import tensorflow as tf  # noqa: PLC0415 (only remote files need it)

    return tf.io.gfile
