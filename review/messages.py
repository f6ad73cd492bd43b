"""Reads files of artifacts that hold one message of protobuf."""

from __future__ import annotations

from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from review.files import ArtifactFiles
from review.records import Artifact

# A file that is larger holds something else, or would take too much memory.
_MOST_BYTES = 32_000_000


def read_message(files: ArtifactFiles, artifact: Artifact, name: str, kind: Any) -> Any:
    """Reads a message in binary form; None if it is not there, or broken.

    Args:
        files: that opens the file.
        artifact: that it belongs to.
        name: of the file.
        kind: class of the message.
    """
    content = _content(files, artifact, name)
    try:
        return kind.FromString(content) if content is not None else None
    except DecodeError:
        return None


def read_text_message(files: ArtifactFiles, artifact: Artifact, name: str, kind: Any) -> Any:
    """Reads a message in text form; None if it is not there, or broken.

    Args:
        files: that opens the file.
        artifact: that it belongs to.
        name: of the file.
        kind: class of the message.
    """
    content = _content(files, artifact, name)
    try:
        return text_format.Parse(content, kind()) if content is not None else None
    except (text_format.ParseError, ValueError, RecursionError):
        return None


def as_text(value: str | bytes) -> str:
    """Returns a text of a message as it can be shown: one that is no UTF-8 comes as bytes."""
    return value if isinstance(value, str) else value.decode(errors="replace")


def dotted(path: Any) -> str:
    """Returns the path of a feature, with dots between its steps."""
    return ".".join(map(as_text, path.step))


def _content(files: ArtifactFiles, artifact: Artifact, name: str) -> bytes | None:
    try:
        with files.open(artifact, name) as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= _MOST_BYTES else None
