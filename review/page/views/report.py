"""The report of a run, as ReportGen wrote it and the run completed it."""

from __future__ import annotations

import os

from review.files import opened_below
from review.library import Library
from review.page.shown import Shown
from review.page.views.run import run_as_data
from review.run_report import report_of
from review.store import Output
from schemas.errors import ConfigError
from schemas.run_folder import LOG_FILE


def report(library: Library, run_id: int) -> Shown:
    """Shows the report of a run in a frame.

    Args:
        library: of the store.
        run_id: in the store.

    Raises:
        ConfigError: if there is no such run, or it has no report.
    """
    page_of(library, run_id)
    return Shown("report.html", {"run": run_as_data(library.entry(run_id))})


def page_of(library: Library, run_id: int) -> str:
    """Returns the report itself: HTML that is not to be trusted.

    Raises:
        ConfigError: if there is no such run, or it has no report.
    """
    run = library.entry(run_id).run
    with library.reading() as opened:
        found = report_of(library.output, opened.history, run)
    if found is None:
        raise ConfigError(f"Run {run.name} has no report, or its file is gone.")
    return found.html


def log_size(output: Output, run_name: str) -> int:
    """Returns how long the log of a run is, or 0 if it has none."""
    try:
        with opened_below(output.runs, run_name, LOG_FILE) as stream:
            return os.fstat(stream.fileno()).st_size
    except (OSError, ValueError):
        return 0
