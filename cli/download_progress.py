"""Shows on stderr how a download goes: a bar on a terminal, and otherwise its first line only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


@contextmanager
def download_progress(total: int, present: int) -> Iterator[Callable[[int], None]]:
    """Shows bytes, speed and time left.

    Args:
        total: bytes of the file.
        present: bytes that are there already.

    Yields:
        What is to be told how many bytes have arrived in all.
    """
    progress = Progress(
        *(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    )
    with progress:
        # What is there already does not count for the speed.
        task = progress.add_task("", total=total, completed=present)
        yield lambda received: progress.update(task, completed=received)
