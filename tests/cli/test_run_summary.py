"""Tests of what a run says at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.run_summary import print_summary
from components.label_review.suspicions import LabelSuspicion
from pipelines.outcome import Outcome, Results


def summary(capsys: pytest.CaptureFixture[str], suspicions: int) -> list[str]:
    suspicion = LabelSuspicion("dog/b.jpg", "dog", "cat", 0.125, 0.875, "train")
    results = Results(
        blessed=True,
        reasons=[],
        pushed_to="/out/models/1700000000",
        metrics={"accuracy": 0.9375, "log_loss": 0.25, "examples": 16},
        accuracy_by_class={"cat": 1.0, "dog": 0.875},
        examples_by_class={"cat": 8, "dog": 8},
        confusion={},
        quarantined=[],
        quarantine="",
        label_suspicions=[suspicion] * suspicions,
        label_suspicions_file="",
        model_run="",
        evaluation="",
    )
    print_summary(Outcome("id", [], results, folder=Path("/out/runs/id")))
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("suspicions", "said"),
    [(1, "1 label looks wrong, see the report"), (3, "3 labels look wrong, see the report")],
)
def test_labels_that_look_wrong_are_counted(
    capsys: pytest.CaptureFixture[str], suspicions: int, said: str
) -> None:
    assert said in summary(capsys, suspicions)


def test_labels_that_all_fit_are_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("label" in line for line in summary(capsys, 0))
