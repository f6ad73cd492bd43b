"""`warmstart pipeline`: runs the pipeline and says what came out, or compiles it for a cluster."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.data_survey import surveyed
from cli.errors import Debug, reported
from cli.options import AsJsonObject, ConfigFile, Data
from cli.quiet import quiet_tensorflow
from cli.weights_cache import WeightsCache

if TYPE_CHECKING:
    from pipelines.config import PipelineConfig
    from schemas.corrections import Correction


class Engine(StrEnum):
    """What can run a compiled pipeline."""

    KUBEFLOW = "kubeflow"


app = typer.Typer(help="Run the pipeline, or compile it for a cluster.", no_args_is_help=True)

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as fine_tune.epochs=3."),
]


@app.callback()
def pipeline() -> None:
    """Run the pipeline, or compile it for a cluster."""


@app.command("run")
def run(
    data: Data,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Where artifacts, metadata and models go.  [default: warmstart-output]",
        ),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    corrections: Annotated[
        str | None,
        typer.Option(
            "--corrections",
            metavar="FILE",
            help="What was decided about photos; none: nothing.  [default: "
            "corrections.csv in DIR, if it is there]",
        ),
    ] = None,
    gpus: Annotated[
        str | None,
        typer.Option(
            "--gpus",
            metavar="IDS",
            help="all, none, or numbers such as 0,1.  [default: as configured, which is all]",
        ),
    ] = None,
    weights_cache: WeightsCache = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Train, evaluate and push a classifier: exit 0 succeeded, 1 failed, 2 wrong usage."""
    from cli.corrections_file import chosen_corrections
    from pipelines.config import load_config
    from pipelines.environment.visible_gpus import setting_of
    from pipelines.folders import DEFAULT_OUTPUT, OutputFolders

    with reported(debug, on_error=_print_failure if as_json else None):
        changed = [*(overrides or ()), *([] if gpus is None else [setting_of(gpus)])]
        settings = load_config(config, changed)
        folder = output or DEFAULT_OUTPUT
        decided = chosen_corrections(corrections, OutputFolders(folder).corrections)
        _run(settings, data, folder, decided, as_json=as_json, debug=debug)


@app.command("compile")
def compile_(
    output: Annotated[
        Path,
        typer.Option("--output", metavar="FILE", help="The YAML file to write."),
    ],
    engine: Annotated[Engine, typer.Option("--engine", help="What is to run it.")],
    config: ConfigFile = None,
    overrides: Overrides = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Photos, as the pods see them: /data or below, or gs://.  [default: /data]",
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


def _run(
    settings: PipelineConfig,
    data: str,
    output: Path,
    corrections: list[Correction],
    *,
    as_json: bool,
    debug: bool,
) -> None:
    from cli.run_progress import run_with_progress
    from cli.run_summary import print_summary
    from components.backbone.weights import weights_file
    from components.dataset.checks import check_survey
    from components.dataset.storage import is_remote
    from pipelines.environment.visible_gpus import show_gpus
    from pipelines.folders import prepare_output

    # Whatever can be wrong with the input is found before TensorFlow is imported.
    show_gpus(settings.gpus)
    weights_file(settings.backbone.weights)
    found = surveyed(data, settings.survey_options, corrections=corrections)
    check_survey(data, found, settings.survey_options)
    settings = settings.with_splits(found.buckets)
    folders = prepare_output(output)

    place = data if is_remote(data) else str(Path(data).resolve())
    outcome = run_with_progress(settings, place, folders, corrected=found.corrected, debug=debug)
    if as_json:
        typer.echo(json.dumps(outcome.as_json(), ensure_ascii=False))
    else:
        print_summary(outcome)
    if outcome.error:
        raise typer.Exit(1)


def _print_failure(message: str) -> None:
    from pipelines.outcome import Outcome

    typer.echo(json.dumps(Outcome(run_id=None, error=message).as_json(), ensure_ascii=False))
