"""Tests of a run that has not begun, in the form of one that has."""

from __future__ import annotations

from review.forecast import Forecast, forecast_run, is_to_be_made
from review.records import CACHED, EXECUTED
from schemas import run_record

GENERATOR = Forecast(
    node="Generator",
    component="components.Generator",
    runs=False,
    properties={"seed": 1},
    executor="",
    inputs={},
    found={"examples": (7, 8)},
    made=(),
)
TRAINER = Forecast(
    node="Trainer",
    component="components.Trainer",
    runs=True,
    properties={"epochs": 3},
    executor="T 1",
    inputs={
        "examples": [("Generator", "examples")],
        "baseline": [("Evaluator", "blessed")],
    },
    found={"model": (5,)},
    made=("model", "run"),
)
EVALUATOR = Forecast(
    node="Evaluator",
    component="components.Evaluator",
    runs=True,
    properties={},
    executor="",
    inputs={"both": [("Generator", "examples"), ("Trainer", "model")]},
    found={},
    made=("evaluation",),
)


def test_run_has_each_component_as_it_will_be_recorded() -> None:
    run = forecast_run("line", [GENERATOR, TRAINER, EVALUATOR])

    generator, trainer, evaluator = run.executions
    assert [one.state for one in run.executions] == [CACHED, EXECUTED, EXECUTED]
    assert [one.node for one in run.executions] == ["Generator", "Trainer", "Evaluator"]
    assert {one.run for one in run.executions} == {run.name} == {"the next run"}
    assert {one.pipeline for one in run.executions} == {"line"}
    assert (trainer.component, trainer.properties) == ("components.Trainer", {"epochs": 3})
    assert generator.record == {}
    assert trainer.record == {run_record.EXECUTOR: "T 1"}
    assert evaluator.seconds is None


def test_inputs_are_what_is_there_and_what_will_be_made() -> None:
    generator, trainer, evaluator = forecast_run("l", [GENERATOR, TRAINER, EVALUATOR]).executions

    assert generator.outputs == {"examples": (7, 8)}
    assert trainer.inputs == {"examples": (7, 8), "baseline": ()}
    assert trainer.outputs.keys() == {"model", "run"}
    assert evaluator.inputs == {"both": (7, 8, *trainer.outputs["model"])}


def test_ids_of_what_is_not_there_yet_are_later_than_all_and_each_another() -> None:
    run = forecast_run("line", [GENERATOR, TRAINER, EVALUATOR])

    made = [n for one in run.executions[1:] for ids in one.outputs.values() for n in ids]
    ids = [*made, *(one.id for one in run.executions), run.head.id]
    assert len(set(ids)) == len(ids) == 7
    assert all(is_to_be_made(number) for number in ids)
    assert not is_to_be_made(max(GENERATOR.found["examples"]))
