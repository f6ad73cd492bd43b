"""Tests of finding evaluation photos that training knew already."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_line import Line
from pipeline_runs import PipelineRuns
from placed_artifacts import opened_at_first

from components.evaluator.intervals import proportion_interval
from review.history import History
from review.leaks import Leaks, Share, leaks_of_run
from review.store import opened
from schemas.features import EVAL

A, B, C, D, E = (letter * 64 for letter in "abcde")


def leaks(line: Line) -> Leaks | None:
    with opened(line.made.output) as store:
        history = History(store, line.made.root)
        (run,) = history.read(history.runs())
        return leaks_of_run(history, run)


def test_accuracy_is_told_with_and_without_the_photos_that_leaked(tmp_path: Path) -> None:
    line = Line(tmp_path)
    rows = (
        *(f"ok/1,ok,train,{A}", f"ok/2,ok,eval,{B}", f"ok/3,ok,eval,{A}", f"bad/4,bad,eval,{C}"),
        *(f"ok/5,ok,train,{D}", f"ok/6,ok,train,{E}"),
    )
    groups = [["ok/1", "ok/2", "ok/3"], ["ok/5", "ok/6"]]
    examples = line.photos("one", *rows, groups=groups)
    model = line.model("one", examples)
    line.evaluation(
        "one",
        model,
        examples,
        EVAL,
        path=["ok/2", "ok/3", "bad/4"],
        label=["ok", "ok", "bad"],
        probabilities=[[0.75, 0.25]] * 3,
    )

    found = leaks(line)

    assert found is not None
    assert [(leak.photo.path, leak.same_file) for leak in found.leaks] == [
        ("ok/3", True),
        ("ok/2", False),
    ]
    assert [[copy.path for copy in leak.copies] for leak in found.leaks] == [["ok/1"]] * 2
    assert [[photo.path for photo in group] for group in found.groups] == [["ok/5", "ok/6"]]
    assert found.accuracy == Share(2, 3, pytest.approx(proportion_interval(2, 3)))
    assert found.accuracy.value == 2 / 3
    assert found.without_leaks == Share(0, 1, pytest.approx(proportion_interval(0, 1)))


def test_equal_files_leak_also_where_no_survey_grouped_them(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.photos("one", f"ok/1,ok,train,{A}", f"ok/2,ok,test,{A}", groups=None)

    found = leaks(line)

    assert found is not None
    assert [leak.photo.path for leak in found.leaks] == ["ok/2"]
    assert (found.accuracy, found.without_leaks) == (None, None)


def test_accuracy_is_none_if_every_photo_leaked(tmp_path: Path) -> None:
    line = Line(tmp_path)
    examples = line.photos("one", f"ok/1,ok,train,{A}", f"ok/2,ok,eval,{A}")
    said = {"path": ["ok/2"], "label": ["ok"], "probabilities": [[0.75, 0.25]]}
    line.evaluation("one", line.model("one", examples), examples, EVAL, **said)

    found = leaks(line)

    assert found is not None
    assert found.accuracy is not None
    assert found.accuracy.value == 1
    assert found.without_leaks == Share(0, 0, None)
    assert found.without_leaks.value is None


def test_run_without_recorded_photos_is_none(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.made.execution("one", "CsvExampleGen")

    assert leaks(line) is None


def test_no_picture_is_in_two_splits_of_a_real_run(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with opened_at_first(first_run[0]) as (history, run):
        found = leaks_of_run(history, run)

    assert found is not None
    assert found.leaks == ()
    assert found.accuracy is not None
    assert found.without_leaks == found.accuracy
