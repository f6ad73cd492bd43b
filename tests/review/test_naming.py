"""Tests of what artifacts are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_store import MadeStore

from review.history import History
from review.naming import known_as
from review.store import opened

CLASSES = {"cat": {"train": 3, "eval": 1}, "dog": {"train": 2, "eval": 2}}


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    return MadeStore(tmp_path)


def named(made: MadeStore, kind: str, files: dict[str, str], **properties: Any) -> str:
    """Makes an artifact, and returns what it is called."""
    artifact = made.artifact(kind, f"{kind}/1", files, **properties)
    (number,) = made.execution("one", "Maker", outputs={"out": artifact})
    return called(made, number)


def called(made: MadeStore, number: int) -> str:
    with opened(made.output) as store:
        history = History(store, made.output.root)
        return known_as(history, history.artifacts([number])[number])


@pytest.mark.parametrize(
    ("survey", "name"),
    [
        (json.dumps({"classes": CLASSES}), "5 train, 3 eval photos"),
        (json.dumps({"classes": {}}), ""),
        (json.dumps({"classes": {"cat": ["train"], "dog": {"train": "many"}}}), "0 train photos"),
        ("[", ""),
    ],
)
def test_examples_are_called_by_their_splits_raw_or_transformed(
    made: MadeStore, survey: str, name: str
) -> None:
    outputs = {
        "examples": made.artifact("Examples", "G/examples/1", {}),
        "quarantine": made.artifact("Quarantine", "G/quarantine/1", {"survey.json": survey}),
    }
    raw, _ = made.execution("one", "ImageExampleGen", outputs=outputs)
    transformed = made.artifact("Examples", "T/examples/1", {})
    (number,) = made.execution("one", "T", inputs={"examples": raw}, outputs={"out": transformed})

    assert (called(made, raw), called(made, number)) == (name, name)


@pytest.mark.parametrize(
    ("kind", "properties", "name"),
    [
        ("Model", {"stage": "fine-tuned"}, "fine-tuned"),
        ("Model", {}, ""),
        ("ModelBlessing", {"blessed": 1}, "blessed"),
        ("InfraBlessing", {"blessed": 0}, "not blessed"),
        ("InfraBlessing", {}, ""),
        ("PushedModel", {"pushed": 1, "pushed_destination": "/models/17"}, "version 17"),
        ("PushedModel", {"pushed": 0, "pushed_destination": "/models/17"}, "not pushed"),
        ("PushedModel", {"pushed": 1}, "pushed"),
        ("Embeddings", {"photos": 9, "photos_reused": 4}, "9 photos, 4 reused"),
        ("Embeddings", {"photos": 9}, "9 photos, 0 reused"),
        ("Embeddings", {}, ""),
        ("LabelSuspicions", {"suspicions": 2}, "2 to look at"),
        ("LabelSuspicions", {}, ""),
        ("Schema", {}, ""),
    ],
)
def test_artifacts_are_called_by_what_is_recorded_of_them(
    made: MadeStore, kind: str, properties: dict[str, Any], name: str
) -> None:
    assert named(made, kind, {}, **properties) == name


def test_examples_of_which_nothing_is_known_have_no_name(made: MadeStore) -> None:
    raw = made.artifact("Examples", "G/examples/1", {})
    (generated,) = made.execution("one", "ImageExampleGen", outputs={"examples": raw})

    assert called(made, generated) == named(made, "Examples", {}) == ""


@pytest.mark.parametrize(
    ("measured", "name"),
    [
        ({"metrics": {"accuracy": 0.913}}, "accuracy 91.3%"),
        ({"metrics": {"accuracy": "high"}}, ""),
        ({"metrics": [1]}, ""),
        ({}, ""),
    ],
)
def test_evaluation_is_called_by_its_accuracy(
    made: MadeStore, measured: dict[str, Any], name: str
) -> None:
    assert named(made, "ModelEvaluation", {"measured.json": json.dumps(measured)}) == name
