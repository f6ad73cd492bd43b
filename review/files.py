"""What artifacts hold on this machine, read without TensorFlow.

A store may come from anyone and name any place. So files are read below one folder only, which
whoever asks has named, and no link is followed on the way.
"""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from review.records import Artifact


def local_folder(artifact: Artifact) -> Path | None:
    """Returns where an artifact lies on this machine; None for one that lies elsewhere."""
    place = artifact.uri.removeprefix("file://")
    return None if not place or "://" in place else Path(place)


def is_missing(artifact: Artifact) -> bool:
    """Tells whether an artifact of this machine has no files any more."""
    folder = local_folder(artifact)
    return folder is not None and not _exists(folder)


def is_folder(place: str) -> bool:
    """Tells whether there is a folder of this name, which may be one that none can have."""
    try:
        return Path(place).is_dir()
    except OSError:
        return False


def size_of(folder: Path) -> int:
    """Returns the bytes of all files below a folder; links are not followed."""
    if not folder.is_dir() or folder.is_symlink():
        return folder.lstat().st_size if folder.exists() else 0
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


@dataclass(frozen=True)
class ArtifactFile:
    """A file of an artifact.

    Attributes:
        name: relative to the artifact, with `/`.
        size: bytes.
    """

    name: str
    size: int


class ArtifactFiles:
    """Opens the files of artifacts that lie below one folder."""

    def __init__(self, root: Path) -> None:
        """Opens nothing yet.

        Args:
            root: the folder; it alone may be, or lie behind, a link.
        """
        self._root = root.resolve()
        self._named = Path(os.path.abspath(root))

    def holds(self, artifact: Artifact) -> bool:
        """Tells whether an artifact is recorded to lie below the folder."""
        return self._place(artifact) is not None

    def open(self, artifact: Artifact, name: str) -> BinaryIO:
        """Opens a file of an artifact for reading.

        Args:
            artifact: that it belongs to.
            name: relative to it, with `/`.

        Raises:
            OSError: if it is not there, lies elsewhere, is behind a link or no regular file.
        """
        place = self._place(artifact)
        parts = PurePosixPath(name).parts
        if place is None or not parts:
            raise FileNotFoundError(f"{artifact.uri} has no file {name!r} below {self._root}")
        return opened_below(self._root, *place, *parts)

    def listing(self, artifact: Artifact) -> list[ArtifactFile]:
        """Returns the regular files of an artifact, by name; none if it lies elsewhere."""
        place = self._place(artifact)
        folder = self._root.joinpath(*place) if place is not None else None
        if folder is None or folder.resolve() != folder:
            return []
        return sorted(_regular_files(folder), key=lambda file: file.name)

    def read_object(self, artifact: Artifact, name: str) -> dict[str, Any] | None:
        """Reads a JSON object from an artifact; None if it is not there, or none."""
        try:
            with self.open(artifact, name) as stream:
                found = json.load(stream)
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def read_text(self, artifact: Artifact, name: str) -> str | None:
        """Reads a text file from an artifact; None if it is not there."""
        try:
            with self.open(artifact, name) as stream:
                return stream.read().decode("utf-8")
        except (OSError, ValueError):
            return None

    def read_table(self, artifact: Artifact, name: str) -> list[dict[str, str]] | None:
        """Reads a CSV file with a heading from an artifact; None if it is not there."""
        try:
            # A name may hold line ends, which only the reader of CSV tells from those of rows.
            with (
                self.open(artifact, name) as stream,
                io.TextIOWrapper(stream, encoding="utf-8", newline="") as text,
            ):
                return list(csv.DictReader(text))
        except (OSError, ValueError, csv.Error):
            return None

    def _place(self, artifact: Artifact) -> tuple[str, ...] | None:
        """Returns the parts of an artifact's path below the folder, or None."""
        folder = local_folder(artifact)
        if folder is None:
            return None
        for root in (self._root, self._named):
            if folder.is_relative_to(root):
                parts = folder.relative_to(root).parts
                return parts if parts and _are_plain(parts) else None
        return None


def opened_below(root: Path, *parts: str) -> BinaryIO:
    """Opens a file for reading, one folder after the other, so that no link is ever followed.

    Args:
        root: a folder, which may lie behind a link, but be none.
        parts: names of the folders on the way, and of the file.

    Raises:
        OSError: if it is not there, a name is none, or leads elsewhere, or it is no regular file.
    """
    if not parts or not _are_plain(parts):
        raise FileNotFoundError(f"{parts} names no file below {root}")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        # A pipe would wait for who writes to it.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError(f"{parts[-1]!r} is no regular file")
    return os.fdopen(file, "rb")


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:
        return False  # No file has such a name, or it cannot be looked at.


def _are_plain(parts: tuple[str, ...]) -> bool:
    return all(part not in {"", ".", ".."} and not set(part) & {"/", "\0"} for part in parts)


def _regular_files(folder: Path) -> Iterator[ArtifactFile]:
    for place, _, names in os.walk(folder):  # It enters no link.
        for name in names:
            file = Path(place, name)
            try:
                found = file.lstat()
            except OSError:
                continue  # A run, or who removes it, is at work.
            if stat.S_ISREG(found.st_mode):
                yield ArtifactFile(file.relative_to(folder).as_posix(), found.st_size)
