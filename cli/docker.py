"""`warmstart docker`: builds the image, and runs pipeline or notebooks in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Debug, reported
from cli.options import ConfigFile, Data
from cli.weights_cache import WeightsCache
from components.backbone.cache import cache_folder
from schemas.errors import ConfigError, DataError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.environment.docker_line import Container, Line

app = typer.Typer(
    help="Build the image, and run pipeline or notebooks in it.", no_args_is_help=True
)

_Print = Annotated[
    bool, typer.Option("--print", help="Print the line instead of running it; nothing is checked.")
]
_Image = Annotated[str, typer.Option("--image", metavar="NAME", help="Of the image.")]
_Gpus = Annotated[
    str | None,
    typer.Option(
        "--gpus",
        metavar="IDS",
        help="all, none, or numbers such as 0,1.",
        show_default="all that there are",
    ),
]


@app.callback()
def docker() -> None:
    """Build the image, and run pipeline or notebooks in it."""


@app.command("build")
def build(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A checkout of warmstart.", show_default=True)
    ] = Path(),
    image: _Image = "warmstart",
    worker: Annotated[
        bool, typer.Option("--worker", help="Without Jupyter, for Kubeflow and Beam.")
    ] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Without CUDA.")] = False,
    only_print: _Print = False,
    debug: Debug = False,
) -> None:
    """Build the image from a checkout."""
    from pipelines.environment.docker_checks import check_engine
    from pipelines.environment.docker_line import build_line

    with reported(debug):
        if not (folder / "Dockerfile").is_file():
            raise ConfigError(
                f"{printable(str(folder))} has no Dockerfile; name a checkout of warmstart."
            )
        line = build_line(
            folder,
            image,
            target="worker" if worker else "notebook",
            processor="cpu" if cpu else "gpu",
        )
        _print_or_run(line, only_print, check_engine)


@app.command("run")
def run(
    data: Data,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- OPTIONS", help="More for `warmstart pipeline run`, after two dashes."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Where the run writes to.",
            show_default="warmstart-output",
        ),
    ] = None,
    config: ConfigFile = None,
    gpus: _Gpus = None,
    image: _Image = "warmstart",
    weights_cache: WeightsCache = None,
    only_print: _Print = False,
    debug: Debug = False,
) -> None:
    """Run the pipeline in the image."""
    from pipelines.environment.docker_checks import prepare_folder
    from pipelines.environment.docker_line import run_line
    from pipelines.folders import DEFAULT_OUTPUT

    with reported(debug):
        results = (output or DEFAULT_OUTPUT).resolve()
        container = _container(image, gpus, weights_cache)
        # Those that were chosen have other numbers inside, and may not be narrowed down again.
        inside = [] if gpus is None else ["--gpus", "all"]
        line = run_line(
            container,
            data if "://" in data else str(_existing("--data", Path(data))),
            results,
            config=_existing("--config", config) if config else None,
            arguments=[*inside, *(arguments or ())],
        )

        def check() -> None:
            _check(container)
            prepare_folder("--output", results)

        _print_or_run(line, only_print, check)


@app.command("notebook")
def notebook(
    project: Annotated[
        Path, typer.Argument(metavar="DIR", help="What the notebooks see.", show_default=True)
    ] = Path(),
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Photos, unless they are in the project."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="To listen on.")] = 8888,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TEXT", help="Of Jupyter; made up if it is left out."),
    ] = None,
    gpus: _Gpus = None,
    image: _Image = "warmstart",
    weights_cache: WeightsCache = None,
    only_print: _Print = False,
    debug: Debug = False,
) -> None:
    """Start Jupyter Lab in the image, for this machine's browser; Ctrl-C ends it."""
    from pipelines.environment.docker_checks import parsed_token, prepare_folder
    from pipelines.environment.docker_line import notebook_line
    from pipelines.environment.resources import check_port

    with reported(debug):
        mounted = _existing("DIR", project)
        known = parsed_token(token)
        container = _container(image, gpus, weights_cache)
        line = notebook_line(
            container,
            mounted,
            port=port,
            token=known,
            data=_existing("--data", data) if data else None,
        )

        def check() -> None:
            _check(container)
            check_port(port)
            prepare_folder("DIR", mounted)
            typer.echo(f"Jupyter Lab: http://127.0.0.1:{port}/lab?token={known} (Ctrl-C ends it)")

        _print_or_run(line, only_print, check)


def _container(image: str, gpus: str | None, weights: Path | None) -> Container:
    from pipelines.environment.docker_line import Container
    from pipelines.environment.gpus import parsed_gpus

    return Container(
        image=image,
        gpus=parsed_gpus(gpus),
        user=f"{os.getuid()}:{os.getgid()}",
        weights=(weights or cache_folder()).absolute(),
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
    )


def _check(container: Container) -> None:
    from pipelines.environment.docker_checks import (
        check_engine,
        check_gpus,
        check_image,
        prepare_folder,
    )

    check_engine()
    check_image(container.image)
    check_gpus(container.gpus)
    prepare_folder("--weights-cache", container.weights)


def _existing(option: str, path: Path) -> Path:
    """Returns where a file or folder lies: what is not there cannot be mounted."""
    if not path.exists():
        kind = DataError if option == "--data" else ConfigError
        raise kind(f"{option} {printable(str(path))}: there is no such file or folder.")
    return path.resolve()


def _print_or_run(line: Line, only_print: bool, check: Callable[[], None]) -> None:
    if only_print:
        typer.echo(str(line))
        return
    check()
    typer.echo(str(line), err=True)
    sys.stdout.flush()
    os.execvpe(line.command[0], line.command, os.environ | dict(line.variables))  # noqa: S606
