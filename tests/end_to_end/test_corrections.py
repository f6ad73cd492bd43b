"""Runs with a person's corrections: what depends on them runs again, and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pipeline_runs import PipelineRuns
from placed_artifacts import run_named

from review.comparison import compare
from review.files import local_folder
from review.history import History
from review.photos import Relabelled
from review.records import Run
from review.store import opened
from review.why import explain
from schemas.corrections import (
    CORRECTIONS_FILE,
    KEEP,
    LEAVE_OUT,
    RELABEL,
    Correction,
    read_corrections,
)
from schemas.photo_table import PHOTOS_FILE

RESOLVERS = {"latest_statistics", "latest_blessed_model"}


def decide(runs: PipelineRuns, photo: Path, decision: str, new_label: str = "") -> Correction:
    return Correction(
        photo.relative_to(runs.data).as_posix(),
        hashlib.sha256(photo.read_bytes()).hexdigest(),
        photo.parent.name,
        decision,
        new_label,
    )


def executed(states: dict[str, str]) -> set[str]:
    return {node for node, state in states.items() if state == "executed"} - RESOLVERS


def quarantine_of(history: History, run: Run) -> tuple[list[dict[str, str]], list[Correction]]:
    """Returns the photos of a run, and the corrections that were applied to them."""
    ids = [number for one in run.executions for number in one.outputs.get("quarantine", ())]
    (artifact,) = history.artifacts(ids).values()
    folder = local_folder(artifact)
    assert folder
    photos = history.files.read_table(artifact, PHOTOS_FILE) or []
    return photos, read_corrections(folder / CORRECTIONS_FILE)


def test_label_that_is_kept_runs_what_lists_suspicions_again(runs: PipelineRuns) -> None:
    kept = decide(runs, min((runs.data / "birds").iterdir()), KEEP)

    states = runs.run("kept", corrections=[kept])

    # The report lists them, and travels with the model.
    assert executed(states) == {"LabelReview", "ReportGen", "Pusher"}
    with opened(runs.output) as store:
        history = History(store, runs.output.root)
        told = explain(history, run_named(history, "kept"))
    change = "the corrections changed (1 kept)"
    assert told["LabelReview"].sentence == f"{change} since run first."
    assert told["ReportGen"].first_causes[0].text == change
    # The same decision, made again after it was taken back.
    again = runs.run("kept again", corrections=[decide(runs, runs.data / kept.path, KEEP)])
    assert executed(again) == set()


@pytest.mark.slow
def test_photos_that_are_relabelled_and_left_out_are_learnt_otherwise(runs: PipelineRuns) -> None:
    photos = sorted((runs.data / "birds").iterdir())
    relabelled = decide(runs, photos[-1], RELABEL, "food")
    left_out = decide(runs, photos[-2], LEAVE_OUT)
    gone = Correction("birds/gone.jpg", "ab" * 32, "birds", LEAVE_OUT)

    states = runs.run("corrected", corrections=[relabelled, left_out, gone])

    assert executed(states) == set(states) - RESOLVERS
    with opened(runs.output) as store:
        history = History(store, runs.output.root)
        first, corrected = run_named(history, "first"), run_named(history, "corrected")
        before, _ = quarantine_of(history, first)
        after, applied = quarantine_of(history, corrected)
        told = explain(history, corrected)
        found = compare(history, first, corrected)
    assert {row["path"]: row["label"] for row in after}[relabelled.path] == "food"
    assert left_out.path not in {row["path"] for row in after}
    splits = {row["path"]: row["split"] for row in before if row["path"] != left_out.path}
    assert {row["path"]: row["split"] for row in after} == splits
    assert applied == sorted([relabelled, left_out], key=lambda one: one.path)
    cause = "the corrections changed (1 relabelled, 1 left out)"
    assert told["ImageExampleGen"].sentence == f"{cause} since run first."
    assert told["Trainer"].first_causes[0].text == cause
    assert found.photos is not None
    assert found.photos.relabelled == (Relabelled(relabelled.path, "birds", "food"),)
    assert found.photos.removed == (left_out.path,)
    # One that matches no photo changes nothing.
    assert executed(runs.run("without it", corrections=[left_out, relabelled])) == set()
