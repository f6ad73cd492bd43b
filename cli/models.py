"""`warmstart models`: which pushed versions there are, which is served, and how to change that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonList

if TYPE_CHECKING:
    from components.serving.versions import Version

app = typer.Typer(help="List pushed models, and choose which is served.", no_args_is_help=True)

Models = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="DIR",
        help="Where models were pushed to.",
        show_default="warmstart-output/models",
    ),
]


@app.callback()
def models() -> None:
    """List pushed models, and choose which is served."""


@app.command("list")
def list_(
    folder: Models = None,
    as_json: AsJsonList = False,
    debug: Debug = False,
) -> None:
    """List the versions, the newest first; TensorFlow Serving serves the highest number."""
    from components.serving.versions import find_versions, served

    with reported(debug):
        versions = find_versions(_folder(folder))
        now = served(versions)
        if as_json:
            entries = [_as_json(version, served=version == now) for version in versions]
            typer.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        else:
            _print(versions, now)


@app.command("promote")
def promote(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Its number, as listed.")],
    folder: Models = None,
    debug: Debug = False,
) -> None:
    """Make a version the newest: a copy of it gets the next number, and is served."""
    from components.serving.versions import promote as promote_version

    with reported(debug):
        now = promote_version(_folder(folder), version)
        if now.number == version:
            typer.echo(f"Version {version} is served already.")
        else:
            typer.echo(f"Version {now.number} is served now, a copy of {version}.")


@app.command("rollback")
def rollback(folder: Models = None, debug: Debug = False) -> None:
    """Take the newest version out of service; `promote` brings it back."""
    from components.serving.versions import roll_back

    with reported(debug):
        withdrawn, now = roll_back(_folder(folder))
        typer.echo(f"Version {now.number} is served now; {withdrawn.number} was withdrawn.")


@app.command("prune")
def prune(
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many versions stay.")],
    folder: Models = None,
    debug: Debug = False,
) -> None:
    """Remove the oldest versions; the one that is served stays."""
    from components.serving.versions import prune as prune_versions

    with reported(debug):
        removed = prune_versions(_folder(folder), keep)
        numbers = ", ".join(str(version.number) for version in removed)
        typer.echo(f"Removed {numbers}." if removed else "Nothing to remove.")


def _folder(folder: Path | None) -> Path:
    from pipelines.folders import DEFAULT_OUTPUT, OutputFolders

    return folder or OutputFolders(DEFAULT_OUTPUT).models


def _as_json(version: Version, *, served: bool) -> dict[str, Any]:
    return {
        "version": version.number,
        "pushed_at": version.pushed_at.isoformat(),
        "run_id": version.run_id,
        "accuracy": version.accuracy,
        "served": served,
        "withdrawn": version.withdrawn,
        "folder": str(version.folder),
    }


def _print(versions: list[Version], now: Version | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("version", "pushed (UTC)", "run", "accuracy", ""):
        table.add_column(heading, justify="right" if heading == "accuracy" else "left")
    for version in versions:
        state = "served" if version == now else "withdrawn" if version.withdrawn else ""
        table.add_row(
            str(version.number),
            f"{version.pushed_at:%Y-%m-%d %H:%M:%S}",
            version.run_id or "-",
            "-" if version.accuracy is None else f"{version.accuracy:.1%}",
            state,
        )
    Console(highlight=False, soft_wrap=True).print(table)
