"""Tests of the Report artifact of a real run."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from html_page import Page
from pipeline_runs import PipelineRuns

from components.evaluator.measured import read_measured
from components.image_example_gen.quarantine import read_photos
from components.serving.versions import find_versions
from pipelines.results import read_results


def folder_of(runs: PipelineRuns) -> Path:
    return Path(read_results(runs.output, "first").report)


def test_report_of_a_run_is_a_page_a_card_and_numbers(runs: PipelineRuns) -> None:
    files = sorted(file.name for file in folder_of(runs).iterdir())

    assert files == ["judged", "metrics.json", "model_card.md", "report.html"]


def test_pictures_of_what_the_model_looked_at_are_those_of_the_page(runs: PipelineRuns) -> None:
    page = (folder_of(runs) / "report.html").read_text(encoding="utf-8")
    gen = runs.output.artifacts / "ImageExampleGen" / "quarantine"
    digests = {
        row["sha256"]
        for folder in gen.iterdir()
        for row in read_photos(str(folder))
        if row["split"] == "eval"
    }
    files = list((folder_of(runs) / "judged").iterdir())

    assert len(files) >= 6
    for file in files:
        assert file.suffix == ".jpg"
        assert file.stem in digests
        assert base64.b64encode(file.read_bytes()).decode() in page


def test_page_of_a_run_shows_its_photos_and_stays_small(runs: PipelineRuns) -> None:
    file = folder_of(runs) / "report.html"
    page = Page(file.read_text(encoding="utf-8"))
    pictures = [value for name, value in page.attributes if name == "src"]

    assert file.stat().st_size < 5_000_000
    assert len(pictures) >= 12  # Six photos, each with what the model looked at.
    assert all(value and value.startswith("data:image/jpeg;base64,") for value in pictures)
    assert {"birds", "food", "mammals", "plants"} <= set(page.texts_of("th"))
    assert any(
        path.startswith(("birds/", "food/", "mammals/", "plants/"))
        for path in page.texts_of("code")
    )


def test_numbers_of_a_run_are_those_of_the_evaluator(runs: PipelineRuns) -> None:
    numbers = json.loads((folder_of(runs) / "metrics.json").read_text(encoding="utf-8"))
    measured = read_measured(str(runs.first_output("Evaluator", "evaluation")))

    assert numbers["metrics"] == measured.metrics
    assert numbers["confusion"] == measured.confusion
    assert numbers["blessed"] is True
    assert numbers["training"]["kept"] in {"frozen", "fine-tuned"}
    assert numbers["serving"]["max_difference"] < 1e-5
    assert numbers["data"]["photos"] == 4 * 16


def test_model_card_and_numbers_travel_with_the_pushed_version(runs: PipelineRuns) -> None:
    newest, *_ = find_versions(runs.output.models)
    reports = list(folder_of(runs).parent.iterdir())
    assert newest.run_id is not None

    for name in ("model_card.md", "metrics.json"):
        pushed = (newest.folder / "assets.extra" / name).read_bytes()
        assert pushed in [(report / name).read_bytes() for report in reports]
