"""Completes the report of a run: what became of the model, and what each component took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.pages.rendering import templates
from components.report_gen.files import COMPONENTS_MARK, OUTCOME_MARK, report_file
from pipelines.outcome import Outcome, Results, write_whole
from schemas.run_folder import REPORT_FILE


def write_report(outcome: Outcome, results: Results, folder: Path) -> Path:
    """Writes `report.html` of a run that succeeded.

    The artifact is the same for every run that comes to the same model; this copy is the run's.

    Args:
        outcome: of the run.
        results: of it.
        folder: where to.
    """
    macros: Any = templates().get_template("run.html").module
    page = Path(report_file(results.report)).read_text(encoding="utf-8")
    parts = {
        OUTCOME_MARK: macros.outcome(outcome.run_id, results.pushed_to, results.not_pushed_because),
        COMPONENTS_MARK: macros.components(outcome.components),
    }
    for mark, part in parts.items():
        page = page.replace(mark, str(part), 1)
    file = folder / REPORT_FILE
    write_whole(file, page)
    return file
