"""Tests of how runs are put into words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from review.lineage import Lineage, Relative
from review.records import CACHED, EXECUTED, Artifact, Execution, Run, RunHead
from review.results import Metric, RunResults
from review.wording import (
    lineage_trees,
    metric_text,
    result_lines,
    run_facts,
    run_row,
    run_sentence,
)

NOON = datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)


def execution(state: str, seconds: float) -> Execution:
    return Execution(
        id=1, node=state, component="T", run="one", pipeline="line", cache_key=None,
        state=state, started=NOON, seconds=seconds, inputs={}, outputs={}, properties={}, record={},
    )  # fmt: skip


def run_of(**record: str) -> Run:
    head = RunHead(1, "one", NOON, record=record)
    return Run(head, (execution(EXECUTED, 2.0), execution(CACHED, 0.5)))


@pytest.mark.parametrize(
    ("metric", "text"),
    [(Metric(0.91251, None), "0.913"), (Metric(0.5, (0.4449, 0.6)), "0.500 (0.445 to 0.600)")],
)
def test_metric_is_written_with_its_interval(metric: Metric, text: str) -> None:
    assert metric_text(metric) == text


def test_everything_that_a_run_came_to_has_a_line(tmp_path: Path) -> None:
    metrics = {"accuracy": Metric(0.9, (0.8, 0.95)), "log_loss": Metric(0.25, None)}

    blessed = RunResults(True, str(tmp_path), 40, metrics)
    gone = RunResults(False, str(tmp_path / "gone"), None, metrics, ("too low", "too slow"))

    assert list(result_lines(blessed)) == [
        "Accuracy 0.900 (0.800 to 0.950) on 40 photos",
        "Log loss 0.250 on 40 photos",
        "Blessed",
        f"Pushed to {tmp_path}",
    ]
    assert list(result_lines(gone)) == [
        "Accuracy 0.900 (0.800 to 0.950)",
        "Log loss 0.250",
        "Not blessed: too low; too slow",
        f"Pushed to {tmp_path}/gone, gone since",
    ]
    assert list(result_lines(RunResults(False))) == ["Not blessed: not recorded"]
    assert list(result_lines(RunResults())) == []


@pytest.mark.parametrize(
    ("results", "accuracy", "model"),
    [
        (RunResults(), "-", "-"),
        (RunResults(True, metrics={"accuracy": Metric(0.9126, None)}), "91.3%", "blessed"),
        (RunResults(False, metrics={"auc": Metric(0.9, None)}), "-", "not blessed"),
        (RunResults(True, "/nowhere/17"), "-", "pushed, gone since"),
        (RunResults(True, "/"), "-", "pushed"),
    ],
)
def test_row_ends_with_accuracy_and_what_became_of_the_model(
    results: RunResults, accuracy: str, model: str
) -> None:
    row = run_row(run_of(), results)

    assert row[:2] == ("one", "2026-01-31 12:00:05")
    assert row[4:] == ("1", "1", accuracy, model)


def test_run_is_said_in_one_sentence() -> None:
    run = run_of()

    assert run_sentence(run) == (
        f"{run.state.capitalize()}, started 2026-01-31 12:00:05 UTC, {run.seconds:.1f} s in 2 "
        "components, 1 of them cached"
    )


def test_fact_that_is_not_recorded_is_said_to_be_so() -> None:
    assert run_facts(run_of(warmstart_data="photos", warmstart_commit="abc")) == [
        ("Data", "photos"),
        ("Version", "not recorded"),
        ("Commit", "abc"),
    ]


def test_lineage_is_a_tree_in_each_direction(tmp_path: Path) -> None:
    def artifact(number: int, kind: str, place: Path = tmp_path) -> Artifact:
        return Artifact(number, kind, str(place), "live", NOON, NOON)

    maker = execution(EXECUTED, 1.0)
    found = Lineage(
        artifact=artifact(9, "Model"),
        maker=maker,
        used_in=(),
        ancestors=(
            Relative(artifact(8, "Examples"), maker, 1, 9),
            Relative(artifact(7, "Schema", tmp_path / "gone"), replace(maker, run=""), 1, 9),
            Relative(artifact(6, "Photos"), None, 2, 8),
        ),
        descendants=(),
    )

    assert lineage_trees(found) == [
        (
            "made from",
            [
                "  Examples 8 (live), by executed in run one",
                "    Photos 6 (live)",
                "  Schema 7 (live, files missing), by executed in run not recorded",
            ],
        ),
        ("used for", ["  nothing that is recorded"]),
    ]
