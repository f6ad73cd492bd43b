"""Lets one process at a time change a folder of models: two pipelines may push into one."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from schemas.errors import ModelError, printable

# Hidden, in the folder of models, and empty. It stays: a lock on a file that was removed keeps
# nobody out.
_LOCK = ".lock"

# A push copies a model, which takes seconds.
_LONGEST_WAIT_S = 600.0
_PAUSE_S = 0.05

# How file systems say that they have no locks.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})

_log = logging.getLogger(__name__)


@contextmanager
def one_at_a_time(models: Path, *, longest_wait_s: float = _LONGEST_WAIT_S) -> Iterator[None]:
    """Waits until nobody changes a folder of models, and keeps others from it in the block.

    The lock is the kernel's (`flock`): that of a process that was killed is gone with it. A file
    system without locks is changed without one.

    Args:
        models: the folder; it exists.
        longest_wait_s: seconds.

    Raises:
        ModelError: if another process changes it all the time.
        OSError: if it cannot be written to.
    """
    end = time.monotonic() + longest_wait_s
    # Closing gives the lock up.
    with _opened(models) as lock:
        while not _locked(lock, models):
            if time.monotonic() > end:
                raise ModelError(
                    f"{printable(str(models))}: another process has been changing this folder of "
                    f"models for {longest_wait_s:g} s; wait for it, or end it."
                )
            time.sleep(_PAUSE_S)
        yield


def _opened(models: Path) -> IO[str]:
    file = models / _LOCK
    try:
        if file.exists() and not os.access(file, os.W_OK):
            return file.open(encoding="utf-8")  # Another user's.
        return file.open("a", encoding="utf-8")
    except OSError as error:
        # It is the folder that is missing, or may not be written to.
        raise OSError(error.errno, error.strerror, str(models)) from error


def _locked(lock: IO[str], models: Path) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _log.warning("%s: the file system has no locks; push from one place only.", models)
    return True
