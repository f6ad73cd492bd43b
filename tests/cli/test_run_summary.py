"""Tests of what a run says at its end."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from made_results import made_results, made_survey

from cli.run_summary import print_summary
from components.dataset.corrections import Corrected
from components.label_review.suspicions import LabelSuspicion
from pipelines.outcome import Outcome
from schemas.corrections import KEEP, LEAVE_OUT, RELABEL, Correction


def summary(
    capsys: pytest.CaptureFixture[str],
    suspicions: int = 0,
    refused: str | None = None,
    **found: Any,
) -> list[str]:
    suspicion = LabelSuspicion("dog/b.jpg", "dog", "cat", 0.125, 0.875, "train")
    results = made_results(
        "cat",
        "dog",
        not_pushed_because=refused,
        survey=made_survey("cat", "dog", **found),
        label_suspicions=[suspicion] * suspicions,
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


def test_accuracy_is_said_with_how_far_chance_reaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "Accuracy 93.8% on 16 evaluation photos; 72% to 99% on further ones like them"
        in summary(capsys)
    )


def test_photos_of_each_class_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split() for line in summary(capsys) if line.startswith(("cat", "dog"))] == [
        ["cat", "100.0%", "8", "30"],
        ["dog", "87.5%", "8", "30"],
    ]


def test_what_is_odd_about_the_photos_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    files = [{"path": f"cat/{n}\n.jpg", "reason": "empty"} for n in range(12)]

    lines = summary(capsys, quarantined=files, warnings=["A class is small."])

    assert "12 files were set aside and not learnt from:" in lines
    assert "  'cat/0\\n.jpg': empty" in lines
    assert sum(line.endswith(": empty") for line in lines) == 10
    assert any(line.startswith("  and 2 more, see ") for line in lines)
    assert "Note: A class is small." in lines


@pytest.mark.parametrize(
    ("applied", "unmatched", "said"),
    [
        ([KEEP], [], ["1 correction was applied: 1 kept"]),
        (
            [KEEP, RELABEL, RELABEL, LEAVE_OUT],
            [KEEP],
            [
                "4 corrections were applied: 2 relabelled, 1 left out, 1 kept",
                "1 correction fits no photo any more",
            ],
        ),
        ([], [KEEP, RELABEL], ["2 corrections fit no photo any more"]),
        ([], [], []),
    ],
)
def test_corrections_are_counted(
    capsys: pytest.CaptureFixture[str], applied: list[str], unmatched: list[str], said: list[str]
) -> None:
    corrected = Corrected(
        applied=tuple(Correction("a", "b", "cat", decision) for decision in applied),
        unmatched=tuple(Correction("a", "b", "cat", decision) for decision in unmatched),
    )

    print_summary(
        Outcome("id", [], made_results("cat", "dog"), folder=Path("/out"), corrected=corrected)
    )

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if re.match(r"\d+ correction", line)] == said


def test_model_that_is_refused_is_blessed_but_not_pushed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = summary(capsys, refused="it cannot be served: it hangs")

    assert (
        "Blessed: the model reached every threshold, but not pushed: it cannot be served: "
        "it hangs." in lines
    )
    assert "Blessed: the model reached every threshold." not in lines


def test_last_line_is_the_command_that_shows_the_run_in_the_browser(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        summary(capsys)[-1]
        == f"Review       {shlex.quote(sys.argv[0])} review --output /out --open"
    )
