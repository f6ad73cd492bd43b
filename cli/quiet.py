"""Keeps what libraries write on the terminal out of the way, without losing it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from schemas.errors import WarmstartError


@contextmanager
def output_to(file: Path) -> Iterator[TextIO]:
    """Sends all that the process writes to stdout and stderr, C++ included, to a file.

    TensorFlow's and ML Metadata's C++ code writes to the descriptors, past Python's streams.

    Args:
        file: appended to.

    Yields:
        The terminal: a stream on the stderr of before.
    """
    with file.open("ab") as log, _redirected(log) as (_, stderr):
        yield stderr


@contextmanager
def quiet_tensorflow() -> Iterator[TextIO]:
    """Hides what TensorFlow's C++ code says, unless something unforeseen fails.

    Yields:
        The terminal: a stream on the stderr of before.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with tempfile.TemporaryFile() as log:
        try:
            with _redirected(log) as (_, stderr):
                yield stderr
        except WarmstartError:
            raise
        except Exception:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise


@contextmanager
def _redirected(log: IO[bytes]) -> Iterator[tuple[TextIO, TextIO]]:
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    terminal = [os.fdopen(os.dup(fd), "w", buffering=1) for fd in saved]
    try:
        yield terminal[0], terminal[1]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for fd, stream, copy in zip((1, 2), terminal, saved, strict=True):
            stream.close()
            os.dup2(copy, fd)
            os.close(copy)
