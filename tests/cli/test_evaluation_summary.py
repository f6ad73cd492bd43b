"""Tests of what is printed of a model that is worse on some photos than on others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from cli.evaluation_summary import print_evaluation
from components.dataset.survey import Problem
from components.evaluator.answers import Answers
from components.evaluator.measuring import measure


def printed(capsys: pytest.CaptureFixture[str], wrong: Sequence[int]) -> str:
    """Prints what was measured on 60 photos, ten of them dark, some of them taken wrongly."""
    labels = np.arange(60) % 2
    says = np.where(np.isin(np.arange(60), wrong), 1 - labels, labels)
    answers = Answers(
        classes=["cat", "dog"],
        paths=[f"{number}.jpg" for number in range(60)],
        labels=labels,
        features={},
        probabilities=np.where(says[:, None] == [0, 1], 0.9, 0.1).astype(np.float32),
        baseline=None,
    )
    dark = np.where(np.arange(60) < 10, "dark\x1b[31m", "bright")

    print_evaluation(
        "models/1", measure(answers, {"brightness": dark}), [Problem("b.jpg", "cat", "cut", 3, "0")]
    )
    return capsys.readouterr().out


def test_photos_on_which_a_model_is_clearly_worse_have_a_line_with_their_interval(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = printed(capsys, wrong=range(8))

    assert "Accuracy 86.7%: 52 of 60 photos recognised" in said
    (line,) = (line for line in said.splitlines() if line.startswith("brightness"))
    # Wilson's interval of 2 of 10.
    shown, *numbers = re.split(r"  +", line.strip())
    assert numbers == ["10", "20.0%", "6% to 51%"]
    assert shown == r"brightness 'dark\x1b[31m'"
    assert "1 files set aside, and not asked about:" in said


def test_model_that_is_nowhere_clearly_worse_is_told_so_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = printed(capsys, wrong=[0, 20, 30, 40])

    assert "is clearly worse." in said
    assert not any(line.startswith("brightness") for line in said.splitlines())
