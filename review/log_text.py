"""The lines of a log, by their numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from review.logs import Log

# Bytes of a log that are read: what came before is told to be left out.
_MOST_READ = 4 * 1024 * 1024

# How a line begins that says what failed, in Python and in what TensorFlow prints.
_ERROR = re.compile(r"^(?:[\w.]*(?:Error|Exception)\b|E\d{4} |ERROR\b|CRITICAL\b|FATAL\b)")

# What terminals take for colours and moves of the cursor.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Line:
    """A line of a log.

    Attributes:
        number: from 1, or from the first that was read.
        text: without colours.
    """

    number: int
    text: str


@dataclass(frozen=True)
class LogText:
    """What a log holds.

    Attributes:
        lines: in their order.
        bytes_left_out: of its beginning, where it is too long to be read as a whole.
        error: the first line that says that something failed, or None.
    """

    lines: Sequence[Line]
    bytes_left_out: int
    error: Line | None


def text_of(log: Log) -> LogText:
    """Reads a log; an empty one if it is gone meanwhile."""
    try:
        with log.open() as stream:
            skipped = max(0, os.fstat(stream.fileno()).st_size - _MOST_READ)
            stream.seek(skipped)
            content = stream.read(_MOST_READ)
    except OSError:
        return LogText((), 0, None)
    if not content:
        return LogText((), 0, None)
    rows = content.decode("utf-8", errors="replace").removesuffix("\n").split("\n")
    # A line that is written again and again, such as a progress bar, counts with its last state.
    lines = [
        Line(number, _CONTROL.sub("", row.rstrip("\r").rpartition("\r")[2]))
        for number, row in enumerate(rows[1:] if skipped else rows, 1)
    ]
    return LogText(lines, skipped, next((one for one in lines if _ERROR.match(one.text)), None))
