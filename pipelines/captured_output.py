"""Sends what libraries write to the terminal elsewhere, without losing it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextmanager
def output_to(file: Path) -> Iterator[TextIO]:
    """Sends all that the process writes to stdout and stderr, C++ included, to a file.

    TensorFlow's and ML Metadata's C++ code writes to the descriptors, past Python's streams.

    Args:
        file: appended to.

    Yields:
        The terminal: a stream on the stderr of before.
    """
    with file.open("ab") as log, redirected(log) as (_, stderr):
        yield stderr


@contextmanager
def messages_to(file: Path) -> Iterator[None]:
    """Sends what is logged to a file, instead of where the root and TensorFlow would write it.

    A notebook's streams are no descriptors, so that `output_to` alone leaves messages in its cells.
    What handlers of other loggers show, they go on showing.

    Args:
        file: appended to.
    """
    root = logging.getLogger()
    loggers = (root, logging.getLogger("tensorflow"))
    handlers, level = [logger.handlers for logger in loggers], root.level
    with file.open("a", encoding="utf-8", errors="backslashreplace") as log:
        handler = logging.StreamHandler(log)
        handler.setFormatter(logging.Formatter(LOG_FORMAT))
        for logger in loggers:
            logger.handlers = [handler] if logger is root else []
        root.setLevel(logging.INFO)
        try:
            yield
        finally:
            for logger, former in zip(loggers, handlers, strict=True):
                logger.handlers = former
            root.setLevel(level)


@contextmanager
def redirected(log: IO[bytes]) -> Iterator[tuple[TextIO, TextIO]]:
    """Lets the descriptors of stdout and stderr lead to a file.

    Args:
        log: the file.

    Yields:
        Streams on the stdout and stderr of before.
    """
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
