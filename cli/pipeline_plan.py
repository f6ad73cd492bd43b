"""Prints which components a run would run, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from pipelines.folders import OutputFolders
from pipelines.metadata_store import opened_to_read
from pipelines.plan.planner import LOOK_UP, REUSE, RUN, Plan, Step
from review.forecast import Forecast, forecast_run
from review.history import History
from review.why import Why, explain
from schemas.errors import shortened_list

# A sign and a style for each: colour alone tells nothing.
_MARKS = {RUN: ("→", "yellow"), REUSE: ("=", "cyan"), LOOK_UP: ("·", "dim")}


def explained(plan: Plan, output: OutputFolders) -> dict[str, Why]:
    """Returns why each component would run or be reused, by its id."""
    history = History(opened_to_read(output), output.root)
    run = forecast_run(plan.pipeline.pipeline_info.id, map(_forecast, plan.steps))
    return explain(history, run)


def print_plan(plan: Plan, why: Mapping[str, Why]) -> None:
    """Prints a plan on stdout."""
    console = Console(highlight=False, soft_wrap=True)
    for step in plan.steps:
        mark, style = _MARKS[step.state]
        console.print(
            Text.assemble(
                (f"{mark} ", style),
                f"{step.id:<22}",
                (f"{step.state:<9}", style),
                _because(step, why[step.id]),
            )
        )
    console.print()
    console.print(_summary(plan))


def plan_as_json(plan: Plan, why: Mapping[str, Why]) -> dict[str, Any]:
    """Returns the object that `warmstart pipeline plan --json` prints."""
    return {
        "all_reused": plan.is_all_reused,
        "components": [
            {"id": step.id, "state": step.state, "why": why[step.id].sentence}
            for step in plan.steps
        ],
    }


def _because(step: Step, why: Why) -> str:
    """Returns the answer; of inputs that are made anew, no more than by whom."""
    own = [reason.text for reason in why.reasons if not reason.is_of_input]
    if step.state != RUN or not step.awaits:
        return why.sentence
    makes = "makes" if len(step.awaits) == 1 else "make"
    above = f"needs what {shortened_list(step.awaits, most=3)} {makes} anew"
    return "; ".join([*own, above])


def _summary(plan: Plan) -> str:
    states = [step.state for step in plan.steps]
    runs, reused = states.count(RUN), states.count(REUSE)
    if not runs:
        return f"Nothing would run: all {reused} components are reused."
    return f"{runs} of {runs + reused} components would run."


def _forecast(step: Step) -> Forecast:
    return Forecast(
        node=step.id,
        component=step.node.node_info.type.name,
        runs=step.state == RUN,
        properties={name: value for name, value in step.properties.items() if value is not None},
        executor=step.executor,
        inputs=step.sources,
        found={key: tuple(one.id for one in many) for key, many in step.outputs.items()},
        made=tuple(step.node.outputs.outputs),
    )
