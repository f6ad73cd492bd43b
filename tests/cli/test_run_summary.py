"""Tests of what a run says at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.run_summary import print_summary
from components.dataset.summary import NOTHING_FOUND
from components.label_review.suspicions import LabelSuspicion
from pipelines.outcome import Outcome, Results, Serving


def summary(
    capsys: pytest.CaptureFixture[str],
    suspicions: int = 0,
    refused: str | None = None,
    **found: Any,
) -> list[str]:
    suspicion = LabelSuspicion("dog/b.jpg", "dog", "cat", 0.125, 0.875, "train")
    results = Results(
        blessed=True,
        reasons=[],
        pushed_to="/out/models/1700000000",
        not_pushed_because=refused,
        serving=Serving(20.5, 31.25, 11.5),
        metrics={"accuracy": 0.9375, "log_loss": 0.25, "examples": 16},
        accuracy_by_class={"cat": 1.0, "dog": 0.875},
        examples_by_class={"cat": 8, "dog": 8},
        confusion={},
        survey=NOTHING_FOUND
        | {"classes": {c: {"train": 31, "eval": 8} for c in ("cat", "dog")}}
        | found,
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


def test_photos_of_each_class_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split() for line in summary(capsys) if line.startswith(("cat", "dog"))] == [
        ["cat", "100.0%", "8", "31"],
        ["dog", "87.5%", "8", "31"],
    ]


def test_what_is_odd_about_the_photos_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    files = [{"path": f"cat/{n}\n.jpg", "reason": "empty"} for n in range(12)]

    lines = summary(capsys, quarantined=files, warnings=["A class is small."])

    assert "12 files were set aside and not learnt from:" in lines
    assert "  'cat/0\\n.jpg': empty" in lines
    assert sum(line.endswith(": empty") for line in lines) == 10
    assert any(line.startswith("  and 2 more, see ") for line in lines)
    assert "Note: A class is small." in lines


def test_model_that_is_refused_is_blessed_but_not_pushed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = summary(capsys, refused="it cannot be served: it hangs")

    assert (
        "Blessed: the model reached every threshold, but not pushed: it cannot be served: "
        "it hangs." in lines
    )
    assert "Blessed: the model reached every threshold." not in lines
