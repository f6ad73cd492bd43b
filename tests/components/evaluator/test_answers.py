"""Tests of the table of what models say of photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.evaluator.answers import (
    BASELINE,
    PROBABILITIES,
    SCHEMA,
    answers_prefix,
    as_answers,
    on_classes,
    read_answers,
)
from schemas.errors import ModelError

CLASSES = ["cat", "dog"]


def row(path: str, label: str, said: list[float], baseline: list[float] | None) -> dict[str, Any]:
    numbers = {"brightness": 0.25, "width": 40.0, "height": 30.0, "aspect": 4 / 3}
    return {"path": path, "label": label, **numbers, PROBABILITIES: said, BASELINE: baseline}


ROWS = [
    row("dog/ü\n.jpg", "dog", [0.25, 0.75], [0.5, 0.5]),
    row("cat/2.jpg", "cat", [0.875, 0.125], [1.0, 0.0]),
    row("cat/1.jpg", "cat", [0.375, 0.625], [0.0, 1.0]),
]


def test_answers_are_read_as_they_were_written_in_the_order_of_paths(tmp_path: Path) -> None:
    for number, rows in enumerate((ROWS[:1], ROWS[1:], [])):
        table = pa.Table.from_pylist(rows, SCHEMA)
        pq.write_table(table, f"{answers_prefix(str(tmp_path))}-{number}.parquet")

    answers = read_answers(str(tmp_path), CLASSES)

    assert answers.classes == CLASSES
    assert answers.paths == ["cat/1.jpg", "cat/2.jpg", "dog/ü\n.jpg"]
    assert answers.labels.tolist() == [0, 0, 1]
    assert answers.probabilities.tolist() == [[0.375, 0.625], [0.875, 0.125], [0.25, 0.75]]
    assert answers.baseline is not None
    assert answers.baseline.tolist() == [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]
    assert answers.features["brightness"].tolist() == [0.25] * 3
    assert answers.features["aspect"].tolist() == [4 / 3] * 3


def test_without_a_second_model_there_is_no_baseline() -> None:
    assert as_answers([{**one, BASELINE: None} for one in ROWS], CLASSES).baseline is None


def test_photo_under_two_labels_has_a_fixed_order() -> None:
    twice = [row("1.jpg", label, [0.5, 0.5], None) for label in ("dog", "cat")]

    assert as_answers(twice, CLASSES).labels.tolist() == [0, 1]
    assert as_answers(twice[::-1], CLASSES).labels.tolist() == [0, 1]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_is_named(wrong: float) -> None:
    rows = [ROWS[1], row("dog/ü\n.jpg", "dog", [wrong, wrong], None)]

    with pytest.raises(ModelError) as raised:
        as_answers(rows, CLASSES)

    assert str(raised.value) == (
        "The model answers 1 of 2 photos with no number (NaN), such as 'dog/ü\\n.jpg': its "
        "training went astray; lower frozen.learning_rate and fine_tune.learning_rate, and run "
        "again."
    )


def test_model_that_knows_more_classes_is_asked_which_of_the_wanted_it_is() -> None:
    said = np.array([[0.25, 0.5, 0.25], [0.125, 0.75, 0.125], [0.0, 1.0, 0.0]], np.float32)

    found = on_classes(said, ["cat", "bird", "dog"], ["dog", "cat"])

    assert found.dtype == np.float32
    assert found.tolist() == [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    said = np.array([[0.1, 0.2, 0.7]], np.float32)
    assert on_classes(said, ["a", "b", "c"], ["c", "a"]) == pytest.approx(
        np.array([[0.875, 0.125]])
    )


def test_model_of_the_same_classes_is_left_as_it_is() -> None:
    said = np.array([[0.3, 0.6]], np.float32)

    assert on_classes(said, CLASSES, CLASSES) is said


def test_no_number_stays_none_on_fewer_classes() -> None:
    said = np.array([[np.nan, np.nan, np.nan]], np.float32)

    assert np.isnan(on_classes(said, ["a", "b", "c"], ["a", "b"])).all()
