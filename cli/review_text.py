"""How runs and artifacts look on the terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from cli.marks import MARKS
from review.wording import (
    NOT_RECORDED,
    RUN_HEADINGS,
    RUN_NUMBERS,
    artifact_state,
    artifact_text,
    lineage_trees,
    metric_text,
    result_lines,
    run_facts,
    run_row,
    run_sentence,
)
from schemas.errors import printable, shortened_list

if TYPE_CHECKING:
    from review.comparison import Comparison
    from review.lineage import Lineage
    from review.records import Artifact, Execution, Run
    from review.removal import Removal
    from review.results import Gain, RunResults
    from review.why import Why

# Of the photos in one list.
_MOST_SHOWN = 10


def run_as_json(run: Run, results: RunResults) -> dict[str, Any]:
    """Returns what `runs list` says of a run."""
    return {
        "run": run.name,
        "pipeline": run.pipeline,
        "started": run.head.started,
        "state": run.state,
        "seconds": round(run.seconds, 3),
        "executed": run.count("executed"),
        "cached": run.count("cached"),
        **asdict(results),
    }


def print_runs(rows: Sequence[tuple[Run, RunResults]], hidden: int) -> None:
    """Prints one line for each run."""
    lines = [run_row(run, results) for run, results in rows]
    printed = [tuple(map(printable, line)) for line in lines]
    _print_columns(RUN_HEADINGS, printed, right=RUN_NUMBERS)
    _print_hidden(hidden, shown=len(rows))


def print_run(
    run: Run, results: RunResults, why: Mapping[str, Why], errors: Mapping[str, str]
) -> None:
    """Prints all that is known of a run."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"Run {printable(run.name)} of pipeline {run.pipeline or NOT_RECORDED}"))
    console.print(run_sentence(run))
    for name, value in run_facts(run):
        console.print(Text(f"{name:<12} {value}"))
    for line in result_lines(results):
        console.print(Text(line))
    console.print()
    for execution in run.executions:
        print_execution(console, execution, why[execution.node])
        if execution.node in errors:
            console.print(Text(f"    {errors[execution.node]}", style="red"))
    for node in run.unreached:
        console.print(_line(node, "not reached", None, ""))


def print_execution(console: Console, execution: Execution, why: Why) -> None:
    """Prints a component: what became of it, in what time, and why."""
    console.print(_line(execution.node, execution.state, execution.seconds, why.sentence))


def print_comparison(found: Comparison) -> None:
    """Prints what differs between two runs; what is equal is left out."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{found.old} → {found.new}"))
    sections = {
        "Configuration": _differences(found.configuration),
        "Code": _differences(found.code),
        "Data": [*([found.data.sentence] if found.data else []), *_photo_lines(found)],
        "Schema": [NOT_RECORDED] if found.schema is None else list(found.schema),
        "Metrics": [_gain(gain) for gain in found.metrics if gain.difference != 0],
        "Components": [
            f"{t.node}: {_state(t.old_state, t.old_seconds)} → {_state(t.new_state, t.new_seconds)}"
            for t in found.timings
        ],
    }
    equal = [name.lower() for name, lines in sections.items() if not lines]
    for name, lines in sections.items():
        if lines:
            console.print(f"\n{name}", style="bold")
            for line in lines:
                console.print(Text(f"  {line}"))
    if equal:
        console.print(f"\nEqual: {', '.join(equal)}.")


def print_artifacts(rows: Sequence[Artifact], hidden: int, missing: Mapping[int, bool]) -> None:
    """Prints one line for each artifact."""
    lines = [
        (
            str(artifact.id),
            artifact.type,
            artifact_state(artifact, missing[artifact.id]),
            f"{artifact.created:%Y-%m-%d %H:%M:%S}",
            artifact.uri,
        )
        for artifact in rows
    ]
    _print_columns(("id", "type", "state", "created (UTC)", "where"), lines, right=(0,))
    _print_hidden(hidden, shown=len(rows))


def print_artifact(found: Mapping[str, Any]) -> None:
    """Prints what `artifacts show` found."""
    console = Console(highlight=False, soft_wrap=True)
    for name, value in found.items():
        if name == "properties":
            console.print("Properties")
            for key, entry in sorted(value.items()):
                console.print(Text(f"  {key}: {entry}"))
        else:
            console.print(Text(f"{name.capitalize():<12} {_written(value)}"))


def print_lineage(found: Lineage) -> None:
    """Prints what an artifact was made from and what was made from it, as two trees."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(artifact_text(found.artifact, found.maker)))
    if len(found.used_in) > 1:
        console.print(Text(f"  in runs {shortened_list(found.used_in)}"))
    for heading, lines in lineage_trees(found):
        console.print(f"\n{heading}", style="bold")
        for line in lines:
            console.print(Text(line))


def print_removal(found: Removal, *, done: bool) -> None:
    """Prints what was, or would be, removed."""
    console = Console(highlight=False, soft_wrap=True)
    for run in found.runs:
        console.print(Text(f"run {printable(run)}"))
    for artifact in found.artifacts:
        console.print(Text(f"artifact {artifact.id} {artifact.type} {artifact.uri}"))
    of_artifacts = {artifact.uri for artifact in found.artifacts}
    for folder in found.folders:
        if str(folder) not in of_artifacts:
            console.print(Text(f"folder {folder}"))
    if not (found.runs or found.artifacts or found.folders):
        console.print("Nothing to remove.")
        return
    size = f"{found.bytes / 1e6:.1f} MB"
    if found.kept:
        console.print(
            f"{found.kept} artifacts stay: other runs, a blessed model or a pushed one need them."
        )
    console.print(f"{size} removed." if done else f"{size} would be removed; --yes removes it.")


def _print_columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int]
) -> None:
    """Prints a table that is never cut to the width of the terminal: ids are there to be copied."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    console = Console(highlight=False, soft_wrap=True)
    for row in (headings, *rows):
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        console.print(Text("  ".join(cells).rstrip()))


def _print_hidden(hidden: int, *, shown: int) -> None:
    if hidden:
        typer.echo(f"and {hidden} more; --limit {hidden + shown} lists all")


def _line(node: str, state: str, seconds: float | None, why: str) -> Text:
    mark, style = MARKS[state]
    line = Text.assemble((f"{mark} ", style), f"{node:<22}", (f"{state:<11}", style))
    if seconds is not None:
        line.append(f"{seconds:8.1f} s  {why}")
    line.rstrip()
    return line


def _gain(gain: Gain) -> str:
    old, new = (metric_text(m) if m else NOT_RECORDED for m in (gain.old, gain.new))
    noise = {True: ", within noise", False: ", more than noise", None: ""}[gain.within_noise]
    by = "" if gain.difference is None else f": {gain.difference:+.3f}{noise}"
    return f"{gain.name.replace('_', ' ')} {old} → {new}{by}"


def _differences(found: Sequence[Any] | None) -> list[str]:
    return [NOT_RECORDED] if found is None else [difference.sentence for difference in found]


def _photo_lines(found: Comparison) -> list[str]:
    photos = found.photos
    if photos is None:
        return [f"photos: {NOT_RECORDED}"]
    relabelled = [f"{p.path} ({p.old} → {p.new})" for p in photos.relabelled]
    lists = (
        ("added", photos.added),
        ("removed", photos.removed),
        ("relabelled", relabelled),
        ("in another split", photos.moved),
    )
    return [
        f"{len(paths)} {what}: {shortened_list(map(printable, paths), most=_MOST_SHOWN)}"
        for what, paths in lists
        if paths
    ]


def _state(state: str | None, seconds: float | None) -> str:
    if state is None:
        return "not in this run"
    return state if seconds is None else f"{state} in {seconds:.1f} s"


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return NOT_RECORDED if value is None else str(value)
