"""The report of a run, as ReportGen wrote it and the run completed it."""

from __future__ import annotations

import os

from review.files import opened_below
from review.library import Library
from review.page.shown import Shown
from review.page.views.run import run_as_data
from review.store import Output
from schemas.errors import ConfigError
from schemas.run_folder import LOG_FILE, REPORT_FILE

_REPORT = "Report"


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
    found = library.entry(run_id).run
    # The run's copy tells where the model went; the artifact is the same for every such model.
    try:
        with opened_below(library.output.runs, found.name, REPORT_FILE) as stream:
            return stream.read().decode("utf-8", errors="replace")
    except (OSError, ValueError):
        pass
    with library.reading() as opened:
        for artifact in opened.history.artifacts(found.made_ids).values():
            page = (
                opened.history.files.read_text(artifact, REPORT_FILE)
                if artifact.type == _REPORT
                else None
            )
            if page is not None:
                return page
    raise ConfigError(f"Run {found.name} has no report, or its file is gone.")


def log_size(output: Output, run_name: str) -> int:
    """Returns how long the log of a run is, or 0 if it has none."""
    try:
        with opened_below(output.runs, run_name, LOG_FILE) as stream:
            return os.fstat(stream.fileno()).st_size
    except (OSError, ValueError):
        return 0
