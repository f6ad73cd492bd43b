"""How runs and schedules on Kubeflow Pipelines look on the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from pipelines.kubeflow_client.timing import written_span
from schemas.errors import printable

if TYPE_CHECKING:
    from pipelines.kubeflow_client.run_facts import RunFacts, TaskFacts
    from pipelines.kubeflow_client.schedules import Schedule

# A sign and a style for each state: colour alone tells nothing.
_MARKS = {
    "SUCCEEDED": ("✓", "green"),
    "FAILED": ("✗", "red"),
    "CANCELED": ("✗", "red"),
    "SKIPPED": ("-", "dim"),
    "RUNNING": ("▸", "cyan"),
}
_OTHER = ("·", "dim")


def print_json(entries: Sequence[dict[str, Any]]) -> None:
    """Prints a JSON list."""
    typer.echo(json.dumps(entries, ensure_ascii=False, indent=2, default=_as_text))


def run_as_json(run: RunFacts) -> dict[str, Any]:
    """Returns what `kubeflow runs` says of a run."""
    seconds = None if run.seconds is None else round(run.seconds, 3)
    facts = asdict(run)
    del facts["tasks"]
    return facts | {"seconds": seconds}


def schedule_as_json(schedule: Schedule) -> dict[str, Any]:
    """Returns what `kubeflow schedule list` says of a schedule."""
    return asdict(schedule)


def print_runs(runs: Sequence[RunFacts]) -> None:
    """Prints one line for each run."""
    if not runs:
        typer.echo("There are no runs.")
        return
    _print_table(
        ("state", "name", "started (UTC)", "took", "id"),
        [(run.state, run.name, _time(run.created), _span(run.seconds), run.id) for run in runs],
    )


def print_schedules(schedules: Sequence[Schedule]) -> None:
    """Prints one line for each schedule."""
    if not schedules:
        typer.echo("There are no schedules.")
        return
    _print_table(
        ("name", "state", "starts", "version", "at a time", "id"),
        [
            (
                one.name,
                "enabled" if one.enabled else "paused",
                one.when,
                one.version_id or "the newest",
                str(one.max_concurrency),
                one.id,
            )
            for one in schedules
        ],
    )


def print_tasks(run: RunFacts) -> None:
    """Prints a run and its tasks on stderr: stdout is for logs."""
    typer.echo(f"Run {printable(run.name)}: {run.state}", err=True)
    for task in run.tasks:
        print_task(task)


def print_task(task: TaskFacts) -> None:
    """Prints the state of a task on stderr."""
    from rich.console import Console
    from rich.text import Text

    mark, style = _MARKS.get(task.state, _OTHER)
    span = (
        f"  {_span((task.finished - task.started).total_seconds())}"
        if task.started and task.finished
        else ""
    )
    line = Text.assemble(
        (f"{mark} ", style), f"{printable(task.name):<22}", (f"{task.state:<10}", style), span
    )
    line.rstrip()
    Console(stderr=True, highlight=False, soft_wrap=True).print(line)


def print_time(run: RunFacts) -> None:
    """Says that a run succeeded, and how long it took."""
    typer.echo(f"Run {printable(run.name)} succeeded in {_span(run.seconds)}.")


def _print_table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(highlight=False, soft_wrap=True).print(table)


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "-"


def _span(seconds: float | None) -> str:
    return "-" if seconds is None else written_span(seconds)


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
