"""Tests of the object that says what a run came to."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_results import SERVED, made_results

from components.dataset.corrections import Corrected
from components.dataset.summary import NOTHING_FOUND
from components.label_review.suspicions import LabelSuspicion
from pipelines.outcome import (
    CACHED,
    EXECUTED,
    FAILED,
    SKIPPED,
    ComponentRun,
    Outcome,
    new_run_id,
    write_metrics,
    write_whole,
)
from schemas.corrections import KEEP, RELABEL, Correction

RESULTS = made_results(
    "Kätzchen",
    "dog",
    survey=NOTHING_FOUND
    | {
        "quarantined": [{"path": "dog/a.jpg", "class": "dog", "reason": "empty", "bytes": 0}],
        "warnings": ["A class is small."],
    },
    label_suspicions=[LabelSuspicion("dog/b.jpg", "dog", "Kätzchen", 0.125, 0.875, "train")],
)
COMPONENTS = [
    ComponentRun("ImageExampleGen", CACHED, 0.12345),
    ComponentRun("Trainer", EXECUTED, 61.0),
]


def test_blessed_run_as_json_holds_quality_destination_and_components() -> None:
    kept = Correction("dog/c.jpg", "ab" * 32, "dog", KEEP)
    relabelled = Correction("dog/d.jpg", "cd" * 32, "dog", RELABEL, "Kätzchen")
    corrected = Corrected(applied=(kept, relabelled), changing=(relabelled,), unmatched=(kept,))

    printed = Outcome("20260101T000000.000000Z", COMPONENTS, RESULTS, corrected=corrected).as_json()
    metrics = printed.pop("metrics")

    assert printed == {
        "run_id": "20260101T000000.000000Z",
        "state": "succeeded",
        "blessed": True,
        "not_blessed_because": [],
        "pushed_to": "/out/models/1700000000",
        "not_pushed_because": None,
        "serving": {"latency_ms": 20.6, "p95_ms": 31.2, "size_mb": 11.54},
        "classes": ["Kätzchen", "dog"],
        "quarantined": [{"path": "dog/a.jpg", "class": "dog", "reason": "empty", "bytes": 0}],
        "warnings": ["A class is small."],
        "corrections": {
            "applied": 2,
            "kept": 1,
            "relabelled": 1,
            "left_out": 0,
            "unmatched": 1,
        },
        "label_suspicions": [
            {"path": "dog/b.jpg", "class": "dog", "suggested": "Kätzchen", "confidence": 0.875}
        ],
        "anomalies": [],
        "components": [
            {"id": "ImageExampleGen", "state": "cached", "seconds": 0.123},
            {"id": "Trainer", "state": "executed", "seconds": 61.0},
        ],
        "error": None,
    }
    assert metrics["accuracy"] == metrics["balanced_accuracy"] == 0.9375
    assert metrics["examples"] == 16
    assert metrics["accuracy_by_class"] == {"Kätzchen": 1.0, "dog": 0.875}
    assert metrics["classes"][1]["precision"] == 1.0
    assert metrics["intervals"]["accuracy"] == pytest.approx((0.717, 0.989), abs=0.001)
    assert (metrics["slices"], metrics["baseline"]) == ([], None)


def test_run_that_is_not_blessed_as_json_succeeded_and_says_why() -> None:
    measured = replace(RESULTS.measured, reasons=["accuracy is low"])
    results = replace(RESULTS, blessed=False, measured=measured, pushed_to=None)

    printed = Outcome("id", COMPONENTS, results).as_json()

    assert (printed["state"], printed["blessed"], printed["pushed_to"]) == (
        *("succeeded", False, None),
    )
    assert printed["not_blessed_because"] == ["accuracy is low"]


def test_run_of_a_model_that_is_refused_as_json_is_blessed_and_says_why_it_was_not_pushed() -> None:
    results = replace(
        RESULTS,
        pushed_to=None,
        not_pushed_because="it cannot be served: it hangs",
        served=replace(SERVED, latency_ms=None, p95_ms=None),
    )

    printed = Outcome("id", COMPONENTS, results).as_json()

    assert (printed["state"], printed["blessed"], printed["pushed_to"]) == (
        *("succeeded", True, None),
    )
    assert printed["not_pushed_because"] == "it cannot be served: it hangs"
    assert printed["serving"] == {"latency_ms": None, "p95_ms": None, "size_mb": 11.54}


def test_failed_run_as_json_says_what_failed_and_what_was_left_out() -> None:
    components = [ComponentRun("Trainer", FAILED, 1.0), ComponentRun("Evaluator", SKIPPED, 0.0)]

    printed = Outcome("id", components, error="Trainer failed: no memory.").as_json()

    assert (printed["state"], printed["error"]) == ("failed", "Trainer failed: no memory.")
    assert [component["state"] for component in printed["components"]] == ["failed", "skipped"]
    assert (printed["blessed"], printed["metrics"], printed["classes"]) == (False, {}, [])


def test_run_without_results_that_did_not_fail_is_not_blessed() -> None:
    assert Outcome("id").as_json()["blessed"] is False


def test_run_ids_sort_by_age() -> None:
    ids = [new_run_id() for _ in range(100)]

    assert ids == sorted(ids)
    assert len(set(ids)) > 1
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z", run_id) for run_id in ids)


def test_metrics_file_is_the_printed_object_in_readable_json(tmp_path: Path) -> None:
    outcome = Outcome("id", COMPONENTS, RESULTS, folder=tmp_path)

    file = write_metrics(outcome, outcome.folder)

    text = file.read_text(encoding="utf-8")
    assert file == tmp_path / "metrics.json"
    assert json.loads(text) == json.loads(json.dumps(outcome.as_json()))
    assert "Kätzchen" in text


def test_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("a long text of before", encoding="utf-8")

    write_whole(file, "naïve")

    assert file.read_bytes() == "naïve".encode()
    assert list(tmp_path.iterdir()) == [file]


def test_file_of_before_survives_a_write_that_fails(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("before", encoding="utf-8")

    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "half of it \udcff")

    assert file.read_text(encoding="utf-8") == "before"
