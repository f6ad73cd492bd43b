"""Tests of the copy of the report that belongs to a run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from html_page import HOSTILE, Page
from made_results import made_contents, made_results

from components.report_gen.page import render
from pipelines.outcome import CACHED, EXECUTED, ComponentRun, Outcome
from pipelines.report import write_report
from pipelines.resource_use import ResourceUse

COMPONENTS = [
    ComponentRun("ImageExampleGen", CACHED, 0.123),
    ComponentRun("Trainer", EXECUTED, 61.26, ResourceUse(99.94, 1_500_000_000)),
]


@cache
def artifact_page() -> str:
    return render(made_contents("cat", "dog"))


def report(folder: Path, **changes: str | None) -> Page:
    """Writes the report of a run, beside its artifact, and reads it as a browser would."""
    artifact = folder / "artifact"
    artifact.mkdir()
    (artifact / "report.html").write_text(artifact_page(), encoding="utf-8")
    results = made_results("cat", "dog", report=str(artifact), **changes)
    outcome = Outcome("20260101T000000.000000Z", COMPONENTS, results, folder=folder)
    file = write_report(outcome, results, folder)
    assert file == folder / "report.html"
    return Page(file.read_text(encoding="utf-8"))


def test_report_of_a_run_says_what_each_component_took(tmp_path: Path) -> None:
    page = report(tmp_path)
    cells = page.texts_of("td")

    place = cells.index("cached")
    assert cells[place : place + 4] == ["cached", "0.1", "-", "-"]
    assert cells[place + 4 : place + 8] == ["executed", "61.3", "99.9", "1.50 GB"]
    assert {"ImageExampleGen", "Trainer"} <= set(page.texts_of("th"))
    assert "<!--" not in page.html


def test_report_of_a_run_says_where_the_model_was_pushed(tmp_path: Path) -> None:
    page = report(tmp_path)

    assert "✓ Pushed to" in page.texts_of("p")
    assert "/out/models/1700000000" in page.texts_of("code")
    assert "Run 20260101T000000.000000Z" in page.texts_of("p")


def test_report_of_a_run_says_why_a_model_was_not_pushed(tmp_path: Path) -> None:
    because = "version 7 was taken out of service, and `warmstart models promote 7` brings it back"
    page = report(tmp_path, pushed_to=None, not_pushed_because=because)

    assert f"✗ Not pushed: {because}." in page.texts_of("p")
    assert "Pushed to" not in page.html


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_place_of_the_models_is_shown_as_text(tmp_path: Path, name: str) -> None:
    page = report(tmp_path, pushed_to=f"/models/{name}")

    assert " ".join(f"/models/{name}".split()) in page.texts_of("code")
    assert "script" not in page.tags
