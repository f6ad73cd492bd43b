"""`warmstart review`: the web page of runs, artifacts and photos."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Debug, reported
from cli.options import Output
from cli.reviewed import reviewed

if TYPE_CHECKING:
    from pipelines.folders import OutputFolders


def review(
    output: Output = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="To listen on.")] = 8765,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Others can connect to another one.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TEXT",
            envvar="WARMSTART_REVIEW_TOKEN",
            help="Who opens the page has to know it; made up for any other --host.",
        ),
    ] = None,
    get: Annotated[
        str | None,
        typer.Option("--get", metavar="PATH", help="Print what is at /runs.json, and end."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Review runs in the browser; Ctrl-C ends it."""
    with reported(debug):
        # What is wrong with a store is said before anything listens.
        with reviewed(output) as (folders, _, history):
            history.runs()
        if get is not None:
            _print_one(folders, get)
            return
        from review.page.server import place_for, serve

        place = place_for(host, port, token)

        def say_where() -> None:
            typer.echo(f"Review of {folders.root}: {place.url} (Ctrl-C ends it)")
            sys.stdout.flush()

        serve(folders, place, ready=say_where, open_browser=open_browser)


def _print_one(folders: OutputFolders, path: str) -> None:
    """Prints the answer to one request; exits with 1 unless it is what was asked for."""
    from review.page.one import answer_to

    status, content = answer_to(folders, path)
    sys.stdout.buffer.write(content)
    if status >= 400:
        raise typer.Exit(1)
