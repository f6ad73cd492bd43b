"""Tests of going from a model to its photos, and from a photo to the models that saw it."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_line import Line
from pipeline_runs import PipelineRuns
from placed_artifacts import opened_at_first

from review.history import History
from review.photo_history import (
    CHOSEN_BY,
    EVALUATED_WITH,
    TRAINED_ON,
    models_of,
    photos_behind,
    sightings,
)
from review.store import opened
from schemas.features import EVAL, TRAIN

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def seen(line: Line, photo: str) -> list[tuple[str, str, str, str | None]]:
    """Returns run, label, use and what was said of each sighting."""
    with opened(line.made.output) as store:
        found = sightings(History(store, line.made.root), photo)
    return [
        (s.model.runs[0], s.photo.label, s.use, s.answer.said if s.answer else None) for s in found
    ]


def test_photo_leads_to_each_model_with_its_label_of_that_time(line: Line) -> None:
    first = line.photos("one", f"ok/1,ok,train,{A}", f"ok/2,ok,eval,{B}")
    model = line.model("one", line.transformed("one", first))
    line.evaluation(
        "one", model, first, EVAL, path=["ok/2"], label=["ok"], probabilities=[[0.25, 0.75]]
    )
    second = line.photos("two", f"bad/1,bad,train,{A}", f"ok/2,ok,train,{B}")
    line.model("two", line.transformed("two", second, cache=line.cache("one", first)))

    assert seen(line, A) == [("one", "ok", TRAINED_ON, None), ("two", "bad", TRAINED_ON, None)]
    assert seen(line, B) == [("one", "ok", EVALUATED_WITH, "bad"), ("two", "ok", TRAINED_ON, None)]
    assert seen(line, "ok/1") == [("one", "ok", TRAINED_ON, None)]
    for nothing in (C, "", "ok", "ok/"):
        assert seen(line, nothing) == []


def test_model_from_the_cache_saw_what_its_maker_was_given(line: Line) -> None:
    first = line.photos("one", f"ok/1,ok,train,{A}")
    transformed = line.transformed("one", first)
    model = line.model("one", transformed)
    line.reused("two", transformed, model)

    with opened(line.made.output) as store:
        history = History(store, line.made.root)
        (found,) = models_of(history)
        (sighting,) = sightings(history, A)

    assert found.artifact.id == model
    assert found.runs == ("one", "two")
    assert sighting.model == found


def test_photo_that_training_chose_by_is_told_from_one_that_was_measured_with(line: Line) -> None:
    rows = (f"ok/1,ok,eval,{A}", f"ok/2,ok,test,{B}")
    examples = line.photos("one", *rows)
    model = line.model("one", examples)
    line.evaluation("one", model, examples, "test", blessed=False)

    assert seen(line, A) == [("one", "ok", CHOSEN_BY, None)]
    assert seen(line, B) == [("one", "ok", EVALUATED_WITH, None)]


def test_pushed_model_leads_to_its_photos_and_their_groups(line: Line) -> None:
    rows = (f"ok/1,ok,train,{A}", f"ok/2,ok,train,{B}", f"ok/3,ok,eval,{C}")
    examples = line.photos("one", *rows, groups=[["ok/1", "ok/2"], ["gone", "ok/3"], 7, ["x", 1]])
    model = line.model("one", line.transformed("one", examples))
    line.evaluation("one", model, examples, EVAL)
    pushed = line.pushed("one", model, "/models/7")
    other = line.photos("two", f"ok/9,ok,train,{A}")
    line.model("two", other)

    with opened(line.made.output) as store:
        history = History(store, line.made.root)
        found = photos_behind(history, pushed)
        assert photos_behind(history, model) == found
        assert photos_behind(history, examples) is None
        assert photos_behind(history, 999) is None

    assert found is not None
    assert found.model.blessed is True
    assert found.model.pushed_to == ("/models/7",)
    assert [photo.path for photo in found.trained_on] == ["ok/1", "ok/2"]
    assert [[photo.path for photo in group] for group in found.groups] == [["ok/1", "ok/2"]]


def test_photos_of_others_lead_nowhere(line: Line) -> None:
    made = line.made
    (examples,) = made.execution(
        "one", "CsvExampleGen", outputs={"examples": made.artifact("Examples", "e", {})}
    )
    model = line.model("one", examples)
    (imported,) = made.execution(
        "one", "Importer", outputs={"result": made.artifact("Model", "m", {})}
    )

    with opened(made.output) as store:
        history = History(store, made.root)
        assert [one.blessed for one in models_of(history)] == [None, None]
        assert photos_behind(history, model) is None
        assert photos_behind(history, imported) is None
        assert sightings(history, A) == []


def test_real_run_is_followed_both_ways(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with opened_at_first(first_run[0]) as (history, run):
        pusher = run.execution_of("Pusher")
        assert pusher is not None
        (pushed,) = pusher.outputs["pushed_model"]
        (version,) = history.artifacts([pushed]).values()
        found = photos_behind(history, pushed)
        assert found is not None
        trained, evaluated = found.trained_on[0], found.examples.of_split(EVAL)[0]
        ups = [
            [s for s in sightings(history, photo.sha256) if s.model == found.model]
            for photo in (trained, evaluated)
        ]

    assert found.model.runs[0] == "first"
    assert found.model.blessed is True
    # Runs of other tests may have pushed it again.
    assert found.model.pushed_to[0] == version.destination
    assert {photo.split for photo in found.examples.photos} == {TRAIN, EVAL}
    assert [(s.photo, s.use, s.answer) for s in ups[0]] == [(trained, TRAINED_ON, None)]
    (sighting,) = ups[1]
    assert (sighting.photo, sighting.use) == (evaluated, EVALUATED_WITH)
    assert sighting.answer is not None
    assert (sighting.answer.path, sighting.answer.label) == (evaluated.path, evaluated.label)
