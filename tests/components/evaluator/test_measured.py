"""Tests of the form in which measurements are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.evaluator.answers import Answers
from components.evaluator.measured import accuracy_of, read_measured, write_measured
from components.evaluator.measuring import measure

# Three cats, one of them taken for a dog; one dog; no bird.
SAID = np.array([[0.7, 0.1, 0.2], [0.3, 0.1, 0.6], [0.8, 0.1, 0.1], [0.2, 0.2, 0.6]], np.float32)
LABELS = np.array([0, 0, 0, 2])


def answers(baseline: np.ndarray | None = None) -> Answers:
    return Answers(
        classes=["cat", "bird", "dog"],
        paths=["1.jpg", "2.jpg", "3.jpg", "4.jpg"],
        labels=LABELS,
        features={},
        probabilities=SAID,
        baseline=baseline,
    )


SLICES = {"folder": np.array(["a", "b\n", "a", "a"])}


def test_classes_are_measured_each() -> None:
    measured = measure(answers(), {})

    assert measured.photos == 4
    assert measured.confusion == {
        "cat": {"cat": 2, "bird": 0, "dog": 1},
        "bird": {"cat": 0, "bird": 0, "dog": 0},
        "dog": {"cat": 0, "bird": 0, "dog": 1},
    }
    cat, bird, dog = measured.classes
    assert (cat.label, cat.photos, cat.precision) == ("cat", 3, 1.0)
    assert cat.recall == pytest.approx(2 / 3)
    assert cat.f1_score == pytest.approx(0.8)
    assert (bird.photos, bird.recall, bird.interval) == (0, None, None)
    assert (bird.precision, bird.f1_score, bird.auc) == (None, None, None)
    assert (dog.photos, dog.recall, dog.precision) == (1, 1.0, 0.5)
    assert cat.interval is not None
    assert cat.interval[0] < 2 / 3 < cat.interval[1]


def test_slices_are_measured_for_both_models() -> None:
    before = np.array([[0.1, 0.1, 0.8]] * 4, np.float32)

    measured = measure(answers(before), SLICES)

    assert [(s.feature, s.value, s.photos) for s in measured.slices] == [
        ("folder", "a", 3),
        ("folder", "b\n", 1),
    ]
    assert [s.accuracy for s in measured.slices] == [1.0, 0.0]
    assert [s.baseline_accuracy for s in measured.slices] == pytest.approx([1 / 3, 0.0])
    assert measured.baseline is not None
    assert measured.baseline.metrics["accuracy"] == 0.25
    assert measured.baseline.gain == 0.5
    low, high = measured.baseline.gain_interval
    assert low < 0.5 < high


@pytest.mark.parametrize("baseline", [None, SAID[::-1]])
def test_measured_is_read_as_it_was_written(tmp_path: Path, baseline: np.ndarray | None) -> None:
    measured = replace(measure(answers(baseline), SLICES), reasons=["accuracy 0.750 is …"])

    write_measured(str(tmp_path), measured)

    assert read_measured(str(tmp_path)) == measured
    assert accuracy_of(str(tmp_path)) == 0.75
    assert [file.name for file in tmp_path.iterdir()] == ["measured.json"]


def test_what_cannot_be_measured_is_null_and_no_nan(tmp_path: Path) -> None:
    one = replace(answers(), paths=["1.jpg"], labels=LABELS[:1], probabilities=SAID[:1])

    write_measured(str(tmp_path), measure(one, {}))

    text = (tmp_path / "measured.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["metrics"]["auc"] is None


def test_same_photos_have_the_same_intervals() -> None:
    assert measure(answers(), SLICES) == measure(answers(), SLICES)
