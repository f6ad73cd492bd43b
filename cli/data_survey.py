"""Surveys a data folder with a progress bar: what every command that takes photos begins with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.dataset.options import SurveyOptions
    from components.dataset.survey import Survey
    from schemas.corrections import Correction


def surveyed(
    data: str, options: SurveyOptions, *, corrections: Iterable[Correction] = ()
) -> Survey:
    """Looks at every photo, and shows on the terminal how far it is.

    Args:
        data: the data folder, manifest or archive.
        options: what decides which photos are used.
        corrections: what a person decided about photos.

    Raises:
        DataError: if there are no photos with a class, or a correction gives one a class that
            there is not.
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
    return surveyed(layout, seen, options, corrections=corrections)
