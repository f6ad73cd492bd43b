"""`warmstart runs export`: writes a run for other tools, to catalogues or to MLflow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonObject, Output, RunId
from cli.reviewed import reviewed
from schemas.errors import ConfigError, printable

if TYPE_CHECKING:
    from review.history import History
    from review.records import Run
    from review.store import Output as Folders

    # Takes the output folder, what reads its store, the run, where to, and whether to replace.
    _Exporter = Callable[[Folders, History, Run, Path | None, bool], Path]


def export(
    run_id: RunId,
    name: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="html, openlineage or mlflow.")
    ] = "html",
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="PATH",
            help="Where to.",
            show_default="run-RUN.html, run-RUN.openlineage.jsonl, or folder mlruns",
        ),
    ] = None,
    output: Output = None,
    force: Annotated[bool, typer.Option("--force", help="Replace it if it is there.")] = False,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Write a run as one page to send, as OpenLineage events, or as files that MLflow reads."""
    from review.choosing import chosen_run
    from review.plain_json import as_json as text_of

    with reported(debug):
        exporter = _exporter(name)
        with reviewed(output) as (folders, _, history):
            run = chosen_run(history, run_id, folders)
            place = exporter(folders, history, run, to, force)
        if as_json:
            typer.echo(text_of({"run": run.name, "format": name, "path": place}))
        else:
            typer.echo(f"Exported run {printable(run.name)} to {printable(str(place))}")


def _exporter(name: str) -> _Exporter:
    exporters: dict[str, _Exporter] = {
        "html": _html,
        "openlineage": _openlineage,
        "mlflow": _mlflow,
    }
    if name not in exporters:
        raise ConfigError(f"--format {printable(name)}: there are {', '.join(exporters)}.")
    return exporters[name]


def _html(folders: Folders, _: History, run: Run, to: Path | None, force: bool) -> Path:
    from review.library import Library
    from review.page.one_file import run_as_one_file

    file = to or Path(f"run-{_file_name(run)}.html")
    return _written(file, force, lambda: run_as_one_file(Library(folders), run.head.id))


def _openlineage(_: Folders, history: History, run: Run, to: Path | None, force: bool) -> Path:
    from review.openlineage import as_lines, run_events

    file = to or Path(f"run-{_file_name(run)}.openlineage.jsonl")
    return _written(file, force, lambda: as_lines(run_events(history, run)).encode())


def _mlflow(folders: Folders, history: History, run: Run, to: Path | None, force: bool) -> Path:
    from review.mlflow_folder import mlflow_run, write_run

    root = to or Path("mlruns")
    if root.exists() and not root.is_dir():
        raise ConfigError(f"--to {printable(str(root))}: this is a file; name a folder.")
    found = mlflow_run(folders, history, run)
    _check(root, found.folder(root), force)
    return write_run(found, root)


def _written(file: Path, force: bool, content: Callable[[], bytes]) -> Path:
    """Writes a file as a whole, once it is sure that it may be written."""
    if file.is_dir():
        raise ConfigError(f"--to {printable(str(file))}: this is a folder; name a file.")
    _check(file, file, force)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(content())
    os.replace(partial, file)
    return file


def _check(named: Path, place: Path, force: bool) -> None:
    """Checks that a run may be written to a place, and does not silently replace another file."""
    parent = named.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ConfigError(
            f"--to {printable(str(named))}: {printable(str(parent))} is no folder that you may "
            "write to; name another place."
        )
    if place.exists() and not force:
        raise ConfigError(
            f"--to {printable(str(named))}: the run is there already ({printable(str(place))}); "
            "name another place, or replace it with --force."
        )


def _file_name(run: Run) -> str:
    """Returns the run's name as a part of a file's: a store may hold any."""
    kept = (sign if sign.isalnum() or sign in "-_." else "_" for sign in run.name)
    return "".join(kept)[:100]
