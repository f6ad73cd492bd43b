"""Surveys a data folder with a progress bar: what every command that takes photos begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.dataset.survey import Survey, SurveyOptions


def surveyed(data: str, options: SurveyOptions) -> Survey:
    """Looks at every photo, and shows on the terminal how far it is.

    Raises:
        DataError: if there are no photos with a class.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from components.dataset.layout import find_photos
    from components.dataset.survey import inspect_files, surveyed

    layout = find_photos(data)
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("Looking at the photos"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task("", total=len(layout.files))
        seen = inspect_files(layout, options.max_pixels, lambda n: progress.advance(task, n))
    return surveyed(layout, seen, options)
