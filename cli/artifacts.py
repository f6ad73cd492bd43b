"""`warmstart artifacts`: what runs made, and where it lies."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonList, AsJsonObject, Output
from cli.reviewed import reviewed

app = typer.Typer(help="List what runs made.", no_args_is_help=True)


@app.callback()
def artifacts() -> None:
    """List what runs made."""


@app.command("list")
def list_(
    output: Output = None,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Such as Model; by default all.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Of them, the newest.")] = 50,
    as_json: AsJsonList = False,
    debug: Debug = False,
) -> None:
    """List artifacts, the newest first."""
    from cli.review_text import print_artifacts
    from review.files import is_missing
    from review.plain_json import as_json as text_of

    with reported(debug), reviewed(output) as (_, _, history):
        found = [one for one in reversed(history.all_artifacts()) if kind in (None, one.type)]
        shown = found[:limit]
        missing = {one.id: is_missing(one) for one in shown}
        if as_json:
            rows = [asdict(one) | {"files_missing": missing[one.id]} for one in shown]
            typer.echo(text_of(rows))
        else:
            print_artifacts(shown, hidden=len(found) - len(shown), missing=missing)


@app.command("show")
def show(
    artifact_id: Annotated[int, typer.Argument(metavar="ID", help="As listed.")],
    output: Output = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Show an artifact: what it is, who made it, where it lies, and its properties."""
    from cli.review_text import print_artifact
    from review.files import is_missing, local_folder, size_of
    from review.lineage import found_artifact
    from review.plain_json import as_json as text_of

    with reported(debug), reviewed(output) as (_, _, history):
        artifact = found_artifact(history, artifact_id)
        maker = history.makers([artifact_id]).get(artifact_id)
        folder = local_folder(artifact)
        found: dict[str, Any] = {
            "id": artifact.id,
            "type": artifact.type,
            "state": artifact.state,
            "uri": artifact.uri,
            "files": "missing" if is_missing(artifact) else "there" if folder else "elsewhere",
            "bytes": size_of(folder) if folder and folder.exists() else None,
            "digest": history.digests([artifact_id]).get(artifact_id),
            "created": artifact.created,
            "component": maker.node if maker else None,
            "run": maker.run if maker else None,
            "properties": dict(artifact.properties),
        }
        if as_json:
            typer.echo(text_of(found))
        else:
            print_artifact(found)
