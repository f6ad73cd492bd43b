"""`warmstart runs`: which runs there were, why components ran, what differs, what came of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonList, AsJsonObject, Output, ReallyDo, RunId
from cli.reviewed import reviewed
from cli.runs_export import export

if TYPE_CHECKING:
    from review.logs import Log

app = typer.Typer(help="Review runs, and remove old ones.", no_args_is_help=True)

app.command("export")(export)


@app.callback()
def runs() -> None:
    """Review runs, and remove old ones."""


@app.command("list")
def list_(
    output: Output = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Of the runs, the newest.")] = 20,
    as_json: AsJsonList = False,
    debug: Debug = False,
) -> None:
    """List the runs, the newest first."""
    from cli.review_text import print_runs, run_as_json
    from review.plain_json import as_json as text_of
    from review.results import results_of
    from review.store import no_run

    with reported(debug), reviewed(output) as (folders, _, history):
        heads = history.runs()
        if not heads:
            raise no_run(folders)
        found = history.read(heads[:limit])
        rows = list(zip(found, results_of(history, found), strict=True))
        if as_json:
            typer.echo(text_of([run_as_json(*row) for row in rows]))
        else:
            print_runs(rows, hidden=len(heads) - len(rows))


@app.command("show")
def show(
    run_id: RunId,
    output: Output = None,
    component: Annotated[
        str | None,
        typer.Option("--log", metavar="COMPONENT", help="Print what it logged, and nothing else."),
    ] = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Show what became of each component and why, how good the model is, and where it went."""
    from cli.review_text import print_run, run_as_json
    from review.choosing import chosen_run
    from review.logs import find_log
    from review.plain_json import as_json as text_of
    from review.results import results_of
    from review.why import explain
    from schemas import run_record

    with reported(debug), reviewed(output) as (folders, _, history):
        run = chosen_run(history, run_id, folders)
        if component is not None:
            _show_log(find_log(folders, history, run, component), as_json=as_json)
            return
        (results,) = results_of(history, [run])
        why = explain(history, run)
        errors = {
            one.node: str(one.record.get(run_record.ERROR, "the error is not recorded"))
            for one in run.executions
            if one.state == "failed"
        }
        if as_json:
            components = [
                {"execution": one, "why": why[one.node], "error": errors.get(one.node)}
                for one in run.executions
            ]
            details: dict[str, Any] = {
                "record": run.head.record,
                "components": components,
                "not_reached": list(run.unreached),
            }
            typer.echo(text_of(run_as_json(run, results) | details))
        else:
            print_run(run, results, why, errors)


def _show_log(log: Log, *, as_json: bool) -> None:
    """Prints a log; which run it is of goes to stderr, if it is another one."""
    from review.plain_json import as_json as text_of

    with log.open() as stream:
        text = stream.read().decode("utf-8", errors="replace")
    if as_json:
        typer.echo(text_of({**asdict(log), "text": text}))
        return
    if log.of_other_run:
        typer.echo(f"{log.node} was reused from run {log.run}, which this is the log of.", err=True)
    typer.echo(text, nl=False)


@app.command("compare")
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A run, as `runs show` takes it.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    output: Output = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Compare two runs: what is equal is left out."""
    from cli.review_text import print_comparison
    from review.choosing import chosen_run
    from review.comparison import compare as compare_runs
    from review.plain_json import as_json as text_of

    with reported(debug), reviewed(output) as (folders, _, history):
        old, new = (chosen_run(history, text, folders) for text in (first, second))
        found = compare_runs(history, old, new)
        if as_json:
            typer.echo(text_of(found))
        else:
            print_comparison(found)


@app.command("why")
def why_(
    run_id: RunId,
    component: Annotated[str, typer.Argument(metavar="COMPONENT", help="Such as Trainer.")],
    output: Output = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Say why a component ran, or was reused, in a run."""
    from review.choosing import chosen_run
    from review.plain_json import as_json as text_of
    from review.why import explain_one

    with reported(debug), reviewed(output) as (folders, _, history):
        found = explain_one(history, chosen_run(history, run_id, folders), component)
        typer.echo(text_of(found) if as_json else f"{found.node} {found.state}: {found.sentence}")


@app.command("lineage")
def lineage(
    artifact_id: Annotated[int, typer.Argument(metavar="ARTIFACT_ID", help="As listed.")],
    output: Output = None,
    depth: Annotated[
        int, typer.Option("--depth", min=1, max=50, help="Components to pass in each direction.")
    ] = 3,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Show what an artifact was made from, and what was made from it."""
    from cli.review_text import print_lineage
    from review.lineage import lineage_of
    from review.plain_json import as_json as text_of

    with reported(debug), reviewed(output) as (_, store, history):
        found = lineage_of(store, history, artifact_id, depth)
        if as_json:
            typer.echo(text_of(found))
        else:
            print_lineage(found)


@app.command("delete")
def delete(
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN…", help="As `runs show` takes it.")],
    output: Output = None,
    yes: ReallyDo = False,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Remove runs, and the artifacts that no other run and no blessed or pushed model needs."""
    with reported(debug):
        remove_unneeded(output, run_ids, yes=yes, as_json=as_json)


def remove_unneeded(
    output: Path | None, run_ids: Sequence[str] = (), *, yes: bool, as_json: bool
) -> None:
    """Removes, or without `yes` lists, what nothing needs once some runs are not kept."""
    from cli.review_text import print_removal
    from review.choosing import chosen_run
    from review.plain_json import as_json as text_of
    from review.removal import plan_removal, remove

    with reviewed(output, to_write=yes) as (folders, store, history):
        chosen = {run.name: run for run in (chosen_run(history, t, folders) for t in run_ids)}
        found = plan_removal(history, folders, list(chosen.values()))
        if yes:
            remove(store, found, list(chosen.values()))
        if as_json:
            typer.echo(text_of({"removed": yes, "plan": found}))
        else:
            print_removal(found, done=yes)
