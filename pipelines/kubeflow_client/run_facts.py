"""What is known of a run on Kubeflow Pipelines, in plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# In any other state a run goes on; the SDK's own list lacks CANCELED and would wait for ever.
FINISHED = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})

# Parts of Argo's workflow that no component of the pipeline is named after.
_OF_THE_WORKFLOW = frozenset({"root", "executor"})
_DRIVER = "-driver"


@dataclass(frozen=True)
class TaskFacts:
    """A component in a run.

    Attributes:
        name: of it.
        state: as Kubeflow Pipelines names it, such as RUNNING.
        started: when, in UTC; None: not yet.
        finished: when, in UTC; None: not yet.
        error: what the server says of a failure.
    """

    name: str
    state: str
    started: datetime | None
    finished: datetime | None
    error: str | None


@dataclass(frozen=True)
class RunFacts:
    """A run.

    Attributes:
        id: that the server gave it.
        name: that people gave it.
        state: as Kubeflow Pipelines names it, such as RUNNING.
        created: when, in UTC.
        finished: when, in UTC; None: it goes on.
        schedule_id: of the schedule that started it, if one did.
        experiment_id: which it belongs to.
        error: what the server says of a failure.
        tasks: in the order in which they started; empty in a list of runs.
    """

    id: str
    name: str
    state: str
    created: datetime | None
    finished: datetime | None
    schedule_id: str | None
    experiment_id: str | None
    error: str | None
    tasks: tuple[TaskFacts, ...] = ()

    @property
    def is_finished(self) -> bool:
        """It will not change any more."""
        return self.state in FINISHED

    @property
    def seconds(self) -> float | None:
        """From its creation to its end, or to now; None, if it is not known."""
        if self.created is None:
            return None
        # The server's clock may be ahead of ours.
        return max(((self.finished or datetime.now(UTC)) - self.created).total_seconds(), 0.0)


def run_facts(run: Any) -> RunFacts:
    """Returns what a V2beta1Run says."""
    state = run.state or "PENDING"
    details = run.run_details
    return RunFacts(
        id=run.run_id,
        name=run.display_name or run.run_id,
        state=state,
        created=_time(run.created_at),
        finished=_time(run.finished_at) if state in FINISHED else None,
        schedule_id=run.recurring_run_id or None,
        experiment_id=run.experiment_id or None,
        error=_message(run.error),
        tasks=tuple(_tasks((details.task_details if details else None) or ())),
    )


def _tasks(details: Iterable[Any]) -> list[TaskFacts]:
    tasks = [
        TaskFacts(
            name=one.display_name,
            state=one.state or "PENDING",
            started=_time(one.start_time),
            finished=_time(one.end_time) if one.state in FINISHED else None,
            error=_message(one.error),
        )
        for one in details
        if _is_component(one.display_name)
    ]
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(tasks, key=lambda task: task.started or last)


def _is_component(name: str | None) -> bool:
    if not name or name in _OF_THE_WORKFLOW or name.endswith(_DRIVER):
        return False
    # Attempts of a component that is retried are named executor(0), executor(1), …
    return not name.startswith("executor(")


def _time(value: datetime | None) -> datetime | None:
    """Returns a time, but not 1970, by which the server says that there is none."""
    return value if value and value.timestamp() > 0 else None


def _message(error: Any) -> str | None:
    text = " ".join(str(error.message).split()) if error and error.message else ""
    return text or None
