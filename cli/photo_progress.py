"""A bar that shows on a terminal how many photos a model was asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def photo_progress(text: str, total: int, stderr: TextIO) -> Iterator[Callable[[int], None]]:
    """Yields what is to be told of the number of photos just done.

    Args:
        text: what is done with them.
        total: how many there are.
        stderr: where the bar goes, if that is a terminal.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn(text),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=stderr),
        transient=True,
        disable=not stderr.isatty(),
    )
    with progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
