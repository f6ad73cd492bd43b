"""Writes the HTML report of a run: one file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pipelines.config import PipelineConfig, commented_yaml
from pipelines.outcome import Outcome, write_whole
from schemas.errors import written


def write_report(outcome: Outcome, config: PipelineConfig, data: str, folder: Path) -> Path:
    """Writes `report.html` of a run that succeeded.

    Args:
        outcome: with its results.
        config: what the run was told to do.
        data: its data folder.
        folder: where to.
    """
    environment = Environment(
        loader=PackageLoader("pipelines"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["written"] = written
    page = environment.get_template("report.html").render(
        outcome=outcome, results=outcome.results, configuration=commented_yaml(config), data=data
    )
    file = folder / "report.html"
    write_whole(file, page)
    return file
