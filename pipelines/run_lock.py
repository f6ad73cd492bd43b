"""Lets one run at a time write to an output folder."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from pipelines.folders import OutputFolders
from schemas.errors import ConfigError, PipelineError, printable

_FILE = ".run.lock"


@contextmanager
def exclusive_run(output: OutputFolders) -> Iterator[None]:
    """Keeps other runs from an output folder, until the block or the process ends.

    The lock is the kernel's (`flock`): that of a process that died, however it did, is gone with
    it. What stands in the file only tells who holds it.

    Args:
        output: the folder; it exists.

    Raises:
        PipelineError: if another run is under way there.
        ConfigError: if its file cannot be written to.
    """
    file = output.root / _FILE
    # Closed only in the end, and by the kernel in any case: closing gives the lock up.
    with _opened(file) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise PipelineError(_sentence(output, lock.read())) from error
        lock.truncate(0)
        lock.write(json.dumps(_holder()))
        lock.flush()
        yield
        lock.truncate(0)


def _opened(file: Path) -> IO[str]:
    try:
        return file.open("a+", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{printable(str(file))}: {error.strerror}; make it writable, or name another folder "
            "with --output."
        ) from error


def _holder() -> dict[str, Any]:
    return {
        "process": os.getpid(),
        "machine": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _sentence(output: OutputFolders, text: str) -> str:
    folder = printable(str(output.root))
    try:
        holder = json.loads(text)
        since = datetime.fromisoformat(holder["since"])
        who = (
            f"process {int(holder['process'])} on {printable(str(holder['machine']))}, since "
            f"{since:%Y-%m-%d %H:%M} UTC,"
        )
    except (ValueError, KeyError, TypeError):  # It has not written who it is yet.
        who = "another run"
    return f"{who} writes to {folder}; wait until it ends, or name another folder with --output."
