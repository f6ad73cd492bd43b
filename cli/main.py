"""The command `warmstart`.

Only light modules are imported here: help, usage and configuration errors answer at once.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from cli import (
    artifacts,
    backbones,
    data,
    docker,
    doctor,
    evaluate,
    export,
    gc,
    init,
    kubeflow,
    models,
    pipeline,
    predict,
    review,
    runs,
    tensorboard,
)

app = typer.Typer(
    name="warmstart",
    help="Trains, evaluates and pushes an image classifier from folders of photos.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(data.app, name="data")
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.add_typer(models.app, name="models")
app.command("review")(review.review)
app.add_typer(runs.app, name="runs")
app.add_typer(artifacts.app, name="artifacts")
app.command("gc")(gc.gc)
app.command("init")(init.init)
app.add_typer(backbones.app, name="backbones")
app.command("tensorboard")(tensorboard.tensorboard)
app.command("doctor")(doctor.doctor)
app.add_typer(docker.app, name="docker")
app.add_typer(kubeflow.app, name="kubeflow")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"warmstart {version('warmstart')}")
        raise typer.Exit


@app.callback()
def warmstart(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Trains, evaluates and pushes an image classifier from folders of photos."""


def main() -> None:
    """Runs the command line."""
    app()
