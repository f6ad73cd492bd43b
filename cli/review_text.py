"""How runs and artifacts look on the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from cli.marks import MARKS
from schemas import run_record
from schemas.errors import printable, shortened_list

if TYPE_CHECKING:
    from review.comparison import Comparison
    from review.lineage import Lineage, Relative
    from review.records import Artifact, Execution, Run
    from review.removal import Removal
    from review.results import Gain, Metric, RunResults
    from review.why import Why

NOT_RECORDED = "not recorded"

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
    headings = ("run", "started (UTC)", "state", "seconds", "executed", "cached", "accuracy", "")
    lines = [
        (
            printable(run.name),
            f"{run.head.started:%Y-%m-%d %H:%M:%S}",
            run.state,
            f"{run.seconds:.1f}",
            str(run.count("executed")),
            str(run.count("cached")),
            _accuracy(results),
            _model(results),
        )
        for run, results in rows
    ]
    _print_columns(headings, lines, right=(3, 4, 5, 6))
    _print_hidden(hidden, shown=len(rows))


def print_run(
    run: Run, results: RunResults, why: Mapping[str, Why], errors: Mapping[str, str]
) -> None:
    """Prints all that is known of a run."""
    console = Console(highlight=False, soft_wrap=True)
    record = run.head.record
    console.print(Text(f"Run {printable(run.name)} of pipeline {run.pipeline or NOT_RECORDED}"))
    console.print(
        f"{run.state.capitalize()}, started {run.head.started:%Y-%m-%d %H:%M:%S} UTC, "
        f"{run.seconds:.1f} s in {len(run.executions)} components, "
        f"{run.count('cached')} of them cached"
    )
    for name, key in (
        ("Data", run_record.DATA),
        ("Version", run_record.VERSION),
        ("Commit", run_record.COMMIT),
    ):
        console.print(Text(f"{name:<12} {record.get(key, NOT_RECORDED)}"))
    for line in _result_lines(results):
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
            _artifact_state(artifact, missing[artifact.id]),
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
    console.print(Text(_named(found.artifact, found.maker)))
    if len(found.used_in) > 1:
        console.print(Text(f"  in runs {shortened_list(found.used_in)}"))
    for heading, relatives in (
        ("made from", found.ancestors),
        ("used for", found.descendants),
    ):
        console.print(f"\n{heading}", style="bold")
        lines = list(_tree(found.artifact.id, relatives, 1))
        for line in lines or ["  nothing that is recorded"]:
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


def _accuracy(results: RunResults) -> str:
    metric = (results.metrics or {}).get("accuracy")
    return f"{metric.value:.1%}" if metric else "-"


def _model(results: RunResults) -> str:
    if results.pushed_to:
        return "pushed" if results.is_there else "pushed, gone since"
    return {True: "blessed", False: "not blessed", None: "-"}[results.blessed]


def _result_lines(results: RunResults) -> Iterable[str]:
    photos = f" on {results.photos} photos" if results.photos else ""
    for name, metric in (results.metrics or {}).items():
        yield f"{name.replace('_', ' ').capitalize()} {_metric(metric)}{photos}"
    if results.blessed is not None:
        reasons = "; ".join(results.reasons)
        yield "Blessed" if results.blessed else f"Not blessed: {reasons or NOT_RECORDED}"
    if results.pushed_to:
        yield f"Pushed to {results.pushed_to}{'' if results.is_there else ', gone since'}"


def _metric(metric: Metric) -> str:
    if not metric.interval:
        return f"{metric.value:.3f}"
    low, high = metric.interval
    return f"{metric.value:.3f} ({low:.3f} to {high:.3f})"


def _gain(gain: Gain) -> str:
    old, new = (_metric(m) if m else NOT_RECORDED for m in (gain.old, gain.new))
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


def _artifact_state(artifact: Artifact, missing: bool) -> str:
    return f"{artifact.state}, files missing" if missing else artifact.state


def _named(artifact: Artifact, maker: Execution | None) -> str:
    origin = f", by {maker.node} in run {maker.run or NOT_RECORDED}" if maker else ""
    from review.files import is_missing

    state = _artifact_state(artifact, is_missing(artifact))
    return f"{artifact.type} {artifact.id} ({state}){origin}"


def _tree(parent: int, relatives: Sequence[Relative], depth: int) -> Iterable[str]:
    for relative in relatives:
        if relative.via == parent:
            yield "  " * depth + _named(relative.artifact, relative.maker)
            yield from _tree(relative.artifact.id, relatives, depth + 1)


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return NOT_RECORDED if value is None else str(value)
