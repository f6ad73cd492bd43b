"""Reads TFRecord files without TensorFlow, from the beginning or one record of many.

Checksums are checked: with what computes them here they cost a hundredth of unpacking, and a
photo that lost bytes would be shown as if it looked so. A damaged length ends a file, as nothing
behind it can be found; a damaged record is left out.

A file may come from anyone. So no record is longer than `MOST_BYTES`, and no file is unpacked to
more than `_MOST_RATIO` times its size.
"""

from __future__ import annotations

import gzip
import io
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import google_crc32c
from google.protobuf.message import DecodeError

from review.files import ArtifactFiles
from review.protos import Example
from review.records import Artifact

# A photo of `data.max_pixels` as PNG, at worst.
MOST_BYTES = 160_000_000

# Photos are packed already. Above, it is no file of photos.
_MOST_RATIO = 64
_ALWAYS_UNPACKED = 64_000_000

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_MASK = 0xA282EAD8

# From one place where unpacking can begin to the next, uncompressed, and how many of them there
# are at most: each takes 32 kB of memory.
_SPACING = 1 << 20
_MOST_POINTS = 256

_CHUNK = 1 << 20

# Files of one index that are open at once.
_MOST_OPEN = 2

# Indexes that are kept: each takes some 150 bytes a record, and 16 MB for open files at most.
_MOST_INDEXES = 6


@dataclass(frozen=True)
class Record:
    """A record of a file.

    Attributes:
        offset: where it begins, in bytes of the unpacked file.
        content: the record.
    """

    offset: int
    content: bytes


def records(files: ArtifactFiles, artifact: Artifact, name: str) -> Iterator[Record]:
    """Reads a file from its beginning to its end, or to where it is broken.

    Args:
        files: that opens it.
        artifact: that it belongs to.
        name: of the file; one that ends with `.gz` is packed.
    """
    try:
        with files.open(artifact, name) as stream:
            yield from _records(stream, _is_packed(name))
    # What a broken file makes zlib and gzip say.
    except (OSError, EOFError, zlib.error):
        return


def feature_bytes(content: bytes, *names: str) -> tuple[bytes | None, ...]:
    """Returns features of a serialized tf.Example; None for what is not there or not bytes."""
    try:
        feature = Example.FromString(content).features.feature
    except DecodeError:
        return (None,) * len(names)
    # Looking a name up would add it.
    found = (feature[name].bytes_list.value if name in feature else () for name in names)
    return tuple(values[0] if values else None for values in found)


class RecordIndex:
    """Finds the record of a file that has a value; for many threads.

    Files are read only as far as they have to be: until the value that is asked for was found.
    """

    def __init__(
        self, files: ArtifactFiles, artifact: Artifact, names: Sequence[str], *, feature: str
    ) -> None:
        """Reads nothing yet.

        Args:
            files: that opens them.
            artifact: that they belong to.
            names: of the files.
            feature: of bytes, whose value is asked for; of equal ones the first record is meant.
        """
        self._opened = lambda name: files.open(artifact, name)
        self._lock = threading.Lock()
        self._places: dict[bytes, tuple[str, int]] = {}
        self._unread = (
            (name, record) for name in names for record in records(files, artifact, name)
        )
        self._feature = feature
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()

    def get(self, value: bytes) -> bytes | None:
        """Returns the first record whose feature has this value, or None."""
        with self._lock:
            while value not in self._places:
                found = next(self._unread, None)
                if found is None:
                    return None
                name, record = found
                (key,) = feature_bytes(record.content, self._feature)
                if key is not None:
                    self._places.setdefault(key, (name, record.offset))
                if key == value:
                    return record.content
            name, offset = self._places[value]
            return self._read(name, offset)

    def close(self) -> None:
        """Closes its files; those that are needed again are opened again."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _read(self, name: str, offset: int) -> bytes | None:
        if name not in self._open:
            try:
                self._open[name] = _OpenFile(self._opened, name)
            except OSError:
                return None
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(name)
        return self._open[name].read(offset)


class RecordIndexes:
    """Keeps the indexes that were asked for last; for many threads."""

    def __init__(self, files: ArtifactFiles, *, feature: str) -> None:
        """Reads nothing yet.

        Args:
            files: that opens those of artifacts.
            feature: of bytes, by whose value records are found.
        """
        self._files = files
        self._feature = feature
        self._lock = threading.Lock()
        self._indexes: OrderedDict[tuple[str, str], RecordIndex] = OrderedDict()

    def get(self, artifact: Artifact, prefix: str) -> RecordIndex:
        """Returns the index of some files of an artifact.

        Args:
            artifact: that they belong to.
            prefix: with which their names begin.
        """
        key = (artifact.uri, prefix)
        with self._lock:
            if key not in self._indexes:
                names = [file.name for file in self._files.listing(artifact)]
                chosen = [name for name in names if name.startswith(prefix)]
                self._indexes[key] = RecordIndex(
                    self._files, artifact, chosen, feature=self._feature
                )
                if len(self._indexes) > _MOST_INDEXES:
                    self._indexes.popitem(last=False)[1].close()
            self._indexes.move_to_end(key)
            return self._indexes[key]

    def close(self) -> None:
        """Forgets all of them."""
        with self._lock:
            while self._indexes:
                self._indexes.popitem()[1].close()


class _OpenFile:
    """A file that is open for reading here and there."""

    def __init__(self, opened: Callable[[str], BinaryIO], name: str) -> None:
        self._file = opened(name)
        self._stream: Any = self._file
        if _is_packed(name):
            import indexed_gzip  # noqa: PLC0415 (only where there are packed files)

            size = _size(self._file)
            self._stream = indexed_gzip.IndexedGzipFile(
                fileobj=self._file,
                spacing=max(_SPACING, size // _MOST_POINTS),
                # By default that would be 16 MB a file.
                buffer_size=io.DEFAULT_BUFFER_SIZE,
                # Records have checksums of their own.
                skip_crc_check=True,
            )

    def read(self, offset: int) -> bytes | None:
        try:
            self._stream.seek(offset)
            return _content(self._stream, _length(self._stream))
        except Exception:  # noqa: BLE001 (the file changed, and the library raises its own)
            return None

    def close(self) -> None:
        self._stream.close()
        self._file.close()


def _records(file: BinaryIO, packed: bool) -> Iterator[Record]:
    size = _size(file)
    stream: Any = gzip.GzipFile(fileobj=file) if packed else file
    most = size * _MOST_RATIO + _ALWAYS_UNPACKED if packed else size
    offset = 0
    while (length := _length(stream)) is not None:
        end = offset + _HEADER.size + length + _CHECKSUM.size
        if end > most:
            return
        if length > MOST_BYTES:
            _pass_over(stream, length + _CHECKSUM.size)
        elif (content := _content(stream, length)) is not None:
            yield Record(offset, content)
        offset = end


def _length(stream: Any) -> int | None:
    """Returns the length of the record that comes next; None at the end, or if it is damaged."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    return int(length) if checksum == _masked(header[:8]) else None


def _content(stream: Any, length: int | None) -> bytes | None:
    """Returns the record; None if it is damaged, too long or cut off."""
    if length is None or length > MOST_BYTES:
        return None
    content: bytes = stream.read(length)
    checksum = stream.read(_CHECKSUM.size)
    whole = len(content) == length and len(checksum) == _CHECKSUM.size
    return content if whole and _CHECKSUM.unpack(checksum)[0] == _masked(content) else None


def _pass_over(stream: Any, length: int) -> None:
    while length > 0 and (passed := len(stream.read(min(length, _CHUNK)))):
        length -= passed


def _masked(content: bytes) -> int:
    """Returns CRC-32C as TFRecord stores it: rotated and shifted, as it may be in data itself."""
    checksum = google_crc32c.value(content)
    return int((checksum >> 15 | checksum << 17) + _MASK) & 0xFFFFFFFF


def _is_packed(name: str) -> bool:
    return name.endswith(".gz")


def _size(file: BinaryIO) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size
