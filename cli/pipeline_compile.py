"""`warmstart pipeline compile`: writes the pipeline as a cluster reads it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import Debug, reported
from cli.options import ConfigFile
from cli.quiet import quiet_tensorflow


class Engine(StrEnum):
    """What can run a compiled pipeline."""

    KUBEFLOW = "kubeflow"


def compile_(
    output: Annotated[
        Path,
        typer.Option("--output", metavar="FILE", help="The YAML file to write."),
    ],
    engine: Annotated[Engine, typer.Option("--engine", help="What is to run it.")],
    config: ConfigFile = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change one key, such as fine_tune.epochs=3."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Photos, as the pods see them: /data or below, or gs://.",
            show_default="/data",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the pipeline as Kubeflow Pipelines v2 reads it: exit 2 if it could not run there."""
    del engine  # The only one so far; scripts name it, so that a second one changes none of them.
    from pipelines.config import load_config
    from pipelines.kubeflow_runner import check_file, check_target, compile_pipeline, write_compiled

    with reported(debug):
        settings = load_config(config, overrides or [])
        check_file(output)
        check_target(settings, data=data)
        with quiet_tensorflow():
            documents = compile_pipeline(settings, data=data)
        write_compiled(documents, output)
    typer.echo(f"Wrote {output}")
