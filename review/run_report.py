"""Finds the report of a run."""

from __future__ import annotations

from dataclasses import dataclass

from review.files import opened_below
from review.history import History
from review.records import Artifact, Run
from review.store import Output
from schemas.run_folder import REPORT_FILE

_REPORT = "Report"


@dataclass(frozen=True)
class RunReport:
    """The page that a run left.

    Attributes:
        place: where it lies.
        html: itself.
    """

    place: str
    html: str


def report_of(output: Output, history: History, run: Run) -> RunReport | None:
    """Returns the report as it lies in the run's folder or else as ReportGen left it.

    Whoever runs component by component has only the latter.

    Args:
        output: the folder.
        history: of its store.
        run: whose report it is.
    """
    file = output.runs / run.name / REPORT_FILE
    try:
        with opened_below(output.runs, run.name, REPORT_FILE) as stream:
            return RunReport(str(file), stream.read().decode("utf-8"))
    except (OSError, ValueError):
        artifact = report_artifact(history, run)
    text = history.files.read_text(artifact, REPORT_FILE) if artifact else None
    return RunReport(f"{artifact.uri}/{REPORT_FILE}", text) if artifact and text else None


def report_artifact(history: History, run: Run) -> Artifact | None:
    """Returns what ReportGen left: page, model card and numbers."""
    made = history.artifacts(run.made_ids).values()
    return next((artifact for artifact in made if artifact.type == _REPORT), None)
