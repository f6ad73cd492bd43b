"""`warmstart pipeline compile`: writes the pipeline as a cluster reads it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Debug, reported
from cli.options import ConfigFile, Overrides, without_password_in_it
from cli.quiet import quiet_tensorflow

if TYPE_CHECKING:
    from pipelines.config import PipelineConfig


class Engine(StrEnum):
    """What can run a compiled pipeline."""

    KUBEFLOW = "kubeflow"
    VERTEX = "vertex"


def compile_(
    output: Annotated[
        Path,
        typer.Option(
            "--output", metavar="FILE", help="The file to write: .yaml, for Vertex AI .json."
        ),
    ],
    engine: Annotated[Engine, typer.Option("--engine", help="What is to run it.")],
    config: ConfigFile = None,
    overrides: Overrides = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Photos, as the steps see them: /data or below, or gs://; for Vertex AI gs://.",
            show_default="/data",
            callback=without_password_in_it,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the pipeline as a cluster reads it: exit 2 if it could not run there."""
    from pipelines.config import load_config

    write = _for_vertex if engine is Engine.VERTEX else _for_kubeflow
    with reported(debug):
        write(load_config(config, overrides or []), output, data=data)
    typer.echo(f"Wrote {output}")


def _for_kubeflow(settings: PipelineConfig, output: Path, *, data: str | None) -> None:
    from pipelines.kubeflow_runner import check_file, check_target, compile_pipeline, write_compiled

    check_file(output)
    check_target(settings, data=data)
    with quiet_tensorflow():
        documents = compile_pipeline(settings, data=data)
    write_compiled(documents, output)


def _for_vertex(settings: PipelineConfig, output: Path, *, data: str | None) -> None:
    from pipelines.vertex_runner import check_file, check_target, compile_job, write_compiled

    check_file(output)
    check_target(settings, data=data)
    with quiet_tensorflow():
        job = compile_job(settings, data=data)
    write_compiled(job, output)
