"""Reviews real runs: each change of the photos or the configuration is named as what it was."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from pipeline_runs import PipelineRuns
from placed_artifacts import run_named
from typer.testing import CliRunner

from cli.main import app
from pipelines import run_facts, run_recorder
from pipelines.content_digest import content_digest, examples_digest
from pipelines.outcome import RUNNING
from review.comparison import Comparison, compare
from review.files import local_folder
from review.history import History
from review.photos import Relabelled
from review.store import opened
from review.why import Why, explain
from schemas import run_record

FirstRun = tuple[PipelineRuns, dict[str, str]]


def why(runs: PipelineRuns, run: str) -> dict[str, Why]:
    with opened(runs.output) as store:
        history = History(store, runs.output.root)
        return explain(history, run_named(history, run))


def compared(runs: PipelineRuns, old: str, new: str) -> Comparison:
    with opened(runs.output) as store:
        history = History(store, runs.output.root)
        return compare(history, run_named(history, old), run_named(history, new))


def test_first_run_is_recorded_whole(runs: PipelineRuns) -> None:
    with opened(runs.output) as store:
        run = run_named(History(store, runs.output.root), "first")

    assert (run.state, run.pipeline) == ("succeeded", "warmstart")
    assert run.head.record[run_record.DATA] == str(runs.data)
    assert "learning_rate: 0.0001" in str(run.head.record[run_record.CONFIGURATION])
    for execution in run.executions:
        assert execution.seconds == execution.record[run_record.SECONDS]
        if not execution.is_resolver:
            assert run_record.CODE in execution.record
            assert execution.outputs
            for number in execution.output_ids:
                assert f'"{number}": "sha256' in str(execution.record[run_record.OUTPUTS])


def test_record_costs_little_of_a_run(first_run: FirstRun) -> None:
    """Once more, on the artifacts of the first run: under a fiftieth of its time."""
    runs, _ = first_run
    with opened(runs.output) as store:
        history = History(store, runs.output.root)
        run = run_named(history, "first")
        artifacts = history.artifacts(n for one in run.executions for n in one.output_ids)
    assert run.seconds > 0
    began = time.perf_counter()
    for artifact in artifacts.values():
        digest = examples_digest if artifact.type == "Examples" else content_digest
        folder = local_folder(artifact)
        assert folder
        digest(folder)
    assert time.perf_counter() - began < 0.02 * run.seconds


def test_unchanged_run_is_said_to_be_reused(runs: PipelineRuns) -> None:
    """The record of the first run is no part of any cache key."""
    runs.settle()
    states = runs.run("reviewed again")
    told = why(runs, "reviewed again")

    assert {s for node, s in states.items() if not node.startswith("latest_")} == {"cached"}
    for node, state in states.items():
        if state == "cached":
            assert told[node].sentence.startswith("reused from run ")
            assert told[node].sentence.endswith(" old; its files are there.")


def test_other_width_of_the_head_is_the_first_cause(runs: PipelineRuns) -> None:
    """No other test changes the width, so that the first run is the nearest whatever ran before."""
    runs.run("narrow", "head.units=96")
    told = why(runs, "narrow")
    change = "units changed from 128 to 96"

    assert told["Trainer"].sentence == f"{change} since run first."
    # Every earlier model is another one: which run it is told from depends on what ran before.
    since = told["ServingValidator"].since
    assert told["ServingValidator"].sentence == (
        f"model, model_run: other content since run {since}. First cause: Trainer: {change}."
    )
    assert told["Evaluator"].first_causes[0].node == "Trainer"
    assert told["Transform"].state == "cached"
    found = compared(runs, "first", "narrow")
    assert found.configuration is not None
    assert [(d.key, d.old, d.new) for d in found.configuration] == [("head.units", 128, 96)]
    assert found.photos is not None
    assert found.photos.sentence == ""


@pytest.mark.slow
def test_photo_that_changes_its_class_is_the_first_cause(runs: PipelineRuns) -> None:
    photo = max((runs.data / "birds").iterdir())
    photo.rename(runs.data / "food" / photo.name)
    runs.run("relabelled")
    told = why(runs, "relabelled")
    cause = "the files of the data folder changed (1 relabelled)"

    assert told["ImageExampleGen"].sentence == f"{cause} since run first."
    assert told["Embedder"].sentence == (
        "examples, statistics: other content since run first. "
        f"First cause: ImageExampleGen: {cause}."
    )
    found = compared(runs, "first", "relabelled")
    assert found.photos is not None
    assert found.photos.relabelled == (Relabelled(f"food/{photo.name}", "birds", "food"),)


@pytest.mark.slow
def test_photos_that_come_out_the_same_are_told_from_others(runs: PipelineRuns) -> None:
    runs.run("fewer pixels", "data.max_pixels=49999999")
    told = why(runs, "fewer pixels")
    change = "max_pixels changed from 50000000 to 49999999"

    assert told["ImageExampleGen"].sentence == f"{change} since run first."
    assert told["StatisticsGen"].sentence == (
        "examples: a new artifact with the same content since run first. "
        f"First cause: ImageExampleGen: {change}."
    )


def test_component_that_failed_keeps_its_error(runs: PipelineRuns) -> None:
    photo = min((runs.data / "birds").iterdir())
    content = photo.read_bytes()
    for file in (runs.data / "birds").iterdir():
        file.write_bytes(content[:100])
    with pytest.raises(Exception, match="cannot be used"):
        runs.run("broken photos")
    result = CliRunner().invoke(
        app, ["runs", "show", "broken photos", "--output", str(runs.output.root)]
    )

    assert result.exit_code == 0
    assert "Failed, started " in result.stdout
    assert "✗ ImageExampleGen" in result.stdout
    assert "16 of 64 files cannot be used, more than data.max_bad_fraction" in result.stdout
    assert "- Trainer               not reached" in result.stdout


def test_run_goes_on_where_its_record_cannot_be_written(
    runs: PipelineRuns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_recorder, "_describe", full)
    monkeypatch.setattr(run_facts, "git_commit", full)

    states = runs.run("without a record")

    assert RUNNING not in states.values()
    assert "The record of the run is incomplete: [Errno 28] No space left on device" in caplog.text
    assert "The record of a component is incomplete" in caplog.text
    told = why(runs, "without a record")
    assert told["Trainer"].state == "cached"


def test_latest_run_is_shown_listed_and_compared(runs: PipelineRuns) -> None:
    runs.run("shown")
    output = ["--output", str(runs.output.root)]

    def said(*command: str) -> str:
        result = CliRunner().invoke(app, [*command, *output])
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    shown = said("runs", "show", "latest")
    assert shown.startswith("Run shown of pipeline warmstart\nSucceeded, started ")
    assert f"Data         {runs.data}\n" in shown
    assert "\nBlessed\n" in shown
    assert said("runs", "list", "--limit", "1").splitlines()[1].startswith("shown  ")
    # The commit may have changed meanwhile.
    compared_with_first = said("runs", "compare", "first", "shown").splitlines()
    assert compared_with_first[-1].startswith("Equal: configuration, ")
    assert compared_with_first[-1].endswith("data, schema, metrics.")
    assert said("runs", "why", "latest", "Trainer").startswith("Trainer cached: reused from run ")


def test_age_of_what_is_reused_is_counted_from_when_it_was_made(runs: PipelineRuns) -> None:
    runs.run("aged")
    with opened(runs.output) as store:
        history = History(store, runs.output.root)
        run = run_named(history, "aged")
        later = run.head.started + timedelta(days=400)
        sentence = explain(history, run, later)["Trainer"].sentence

    assert ", 400 days old; " in sentence
