"""Logs what was decided in a run, and why: a line for each component, photo and model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.progress import decided
from pipelines.folders import OutputFolders
from pipelines.outcome import CACHED, Results
from pipelines.plan.planner import LOOK_UP, REUSE, RUN, Plan

if TYPE_CHECKING:
    from review.records import Execution


def log_plan(plan: Plan, output: OutputFolders) -> dict[str, str]:
    """Logs of each component whether it will run; returns why, by its id."""
    from cli.pipeline_plan import explained

    because = {node: why.sentence for node, why in explained(plan, output).items()}
    for step in plan.steps:
        decided(step.id, step.state, because[step.id])
    return because


def log_unplanned(output: OutputFolders, run_id: str) -> dict[str, str]:
    """Logs of each component whether it ran, for a run without a plan; returns why, by its id."""
    from review.history import History
    from review.store import opened
    from review.why import explain

    with opened(output) as store:
        history = History(store, output.root)
        (run,) = history.read([head for head in history.runs() if head.name == run_id])
        because = {node: why.sentence for node, why in explain(history, run).items()}
    for execution in run.executions:
        decided(execution.node, _decision(execution), because[execution.node])
    return because


def log_results(results: Results) -> None:
    """Logs which photos were set aside, and why a model is not served."""
    for file in results.survey["quarantined"]:
        decided(file["path"], "quarantined", file["reason"])
    for reason in results.measured.reasons:
        decided("the model", "not blessed", reason)
    if results.not_pushed_because:
        decided("the model", "not pushed", results.not_pushed_because)


def _decision(execution: Execution) -> str:
    if execution.is_resolver:
        return LOOK_UP
    return REUSE if execution.state == CACHED else RUN
