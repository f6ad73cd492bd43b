"""`warmstart tensorboard`: opens TensorBoard on the logs of a run."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import Debug, reported
from cli.options import Output

# TensorBoard has no password, so it listens to this machine alone.
_ADDRESS = "127.0.0.1"


def tensorboard(
    output: Output = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="A run; by default the newest.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="To listen on.")] = 6006,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the command line instead of running it.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Show the training curves of a run in the browser; Ctrl-C ends it."""
    from pipelines.environment.resources import check_port
    from pipelines.folders import DEFAULT_OUTPUT, OutputFolders
    from review.model_runs import find_model_run

    with reported(debug):
        # ML Metadata records absolute paths.
        folders = OutputFolders((output or DEFAULT_OUTPUT).resolve())
        found = find_model_run(folders, run_id)
        command = _command(found.folder, port)
        if only_print:
            typer.echo(shlex.join(command))
            return
        check_port(port)
        typer.echo(f"Run {found.run_id}: http://{_ADDRESS}:{port} (Ctrl-C ends it)")
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 (no shell is wanted)


def _command(folder: Path, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "tensorboard.main"),
        *("--logdir", str(folder), "--port", str(port), "--host", _ADDRESS),
    ]
