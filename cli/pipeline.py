"""`warmstart pipeline`: runs the pipeline, says what a run would do, or compiles it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import pipeline_compile
from cli.data_survey import surveyed
from cli.errors import Debug, reported
from cli.options import AsJsonObject, ConfigFile, Data, Overrides
from cli.weights_cache import WeightsCache

if TYPE_CHECKING:
    from components.dataset.corrections import Corrected
    from pipelines.config import PipelineConfig
    from pipelines.folders import OutputFolders
    from pipelines.plan.planner import Plan
    from pipelines.tracing import RunTrace

app = typer.Typer(help="Run the pipeline, or compile it for a cluster.", no_args_is_help=True)
app.command("compile")(pipeline_compile.compile_)

_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="DIR",
        help="Where artifacts, metadata and models go.",
        show_default="warmstart-output",
    ),
]

_Corrections = Annotated[
    str | None,
    typer.Option(
        "--corrections",
        metavar="FILE",
        help="What was decided about photos; none: nothing.",
        show_default="corrections.csv in DIR, if it is there",
    ),
]


@app.callback()
def pipeline() -> None:
    """Run the pipeline, or compile it for a cluster."""


@app.command("run")
def run(
    data: Data,
    output: _Output = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    corrections: _Corrections = None,
    gpus: Annotated[
        str | None,
        typer.Option(
            "--gpus",
            metavar="IDS",
            help="all, none, or numbers such as 0,1.",
            show_default="as configured, which is all",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run every component, whatever earlier runs made.")
    ] = False,
    weights_cache: WeightsCache = None,
    log_json: Annotated[
        bool,
        typer.Option("--log-json", help="Say on stderr what happens as JSON, an object in a line."),
    ] = False,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Train, evaluate and push a classifier: exit 0 succeeded, 1 failed, 2 wrong usage."""
    from pipelines.config import load_config
    from pipelines.engines.checks import check_engine
    from pipelines.environment.visible_gpus import setting_of, show_gpus
    from pipelines.folders import DEFAULT_OUTPUT, prepare_output
    from pipelines.run_lock import exclusive_run
    from pipelines.tracing import traced_run
    from schemas.store_version import check_may_be_written

    with (
        reported(debug, on_error=_print_failure if as_json else None),
        traced_run(_print_note) as trace,
    ):
        changed = [*(overrides or ()), *([] if gpus is None else [setting_of(gpus)])]
        folder = output or DEFAULT_OUTPUT
        settings = load_config(config, changed)
        trace.call(settings.name)
        show_gpus(settings.gpus)
        wanted = _wanted(data, folder, settings, corrections)
        with exclusive_run(folders := prepare_output(folder)):
            check_may_be_written(folders.metadata)
            check_engine(settings.engine, wanted.seen_by_workers(folder))
            shown = {"log_json": log_json, "as_json": as_json, "debug": debug}
            _run(wanted, folder, force=force, trace=trace, **shown)


@app.command("plan")
def plan(
    data: Data,
    output: _Output = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    corrections: _Corrections = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Say which components `pipeline run` would run, and why; nothing is run or written."""
    from cli.pipeline_plan import explained, plan_as_json, print_plan
    from pipelines.config import load_config
    from pipelines.folders import DEFAULT_OUTPUT, OutputFolders

    with reported(debug):
        folder = output or DEFAULT_OUTPUT
        wanted = _wanted(data, folder, load_config(config, overrides or []), corrections)
        folders = OutputFolders(folder.resolve())  # ML Metadata records absolute paths.
        planned = _planned(wanted, folders)
        why = explained(planned, folders)
        if as_json:
            typer.echo(json.dumps(plan_as_json(planned, why), ensure_ascii=False))
        else:
            print_plan(planned, why)


@dataclass(frozen=True)
class _Wanted:
    """What a user asked for, with what lies in the data folder."""

    settings: PipelineConfig
    data: str
    corrected: Corrected
    fingerprint: str

    def place(self, output: OutputFolders) -> dict[str, Any]:
        """Returns arguments that whatever makes a pipeline has."""
        return {"data": self.data, "output": output, "corrected": self.corrected}

    def seen_by_workers(self, output: Path) -> dict[str, str]:
        """Returns the places that workers on other machines must see, by what names them."""
        places = {"--data": self.data, "--output": str(output.resolve())}
        weights = self.settings.backbone.weights
        if weights.endswith((".h5", ".keras")):
            places["backbone.weights"] = str(Path(weights).resolve())
        return places


def _wanted(
    data: str,
    output: Path,
    settings: PipelineConfig,
    corrections: str | None,
) -> _Wanted:
    """Finds whatever can be wrong with the input before TensorFlow is imported."""
    from cli.corrections_file import chosen_corrections
    from components.backbone.weights import weights_file
    from components.dataset.checks import check_survey
    from components.dataset.storage import is_remote
    from pipelines.folders import OutputFolders

    decided = chosen_corrections(corrections, OutputFolders(output).corrections)
    weights_file(settings.backbone.weights)
    found = surveyed(data, settings.survey_options, corrections=decided)
    check_survey(data, found, settings.survey_options)
    return _Wanted(
        settings.with_splits(found.buckets),
        data if is_remote(data) else str(Path(data).resolve()),
        found.corrected,
        found.fingerprint,
    )


def _run(
    wanted: _Wanted,
    output: Path,
    *,
    force: bool,
    trace: RunTrace,
    log_json: bool,
    as_json: bool,
    debug: bool,
) -> None:
    from cli.interruption import INTERRUPTED
    from cli.run_progress import run_with_progress
    from cli.run_summary import print_summary
    from pipelines.folders import OutputFolders

    outcome = run_with_progress(
        wanted.settings,
        wanted.data,
        OutputFolders(output.resolve()),
        corrected=wanted.corrected,
        fingerprint=wanted.fingerprint,
        force=force,
        log_json=log_json,
        debug=debug,
        trace=trace,
    )
    if as_json:
        typer.echo(json.dumps(outcome.as_json(), ensure_ascii=False))
    else:
        print_summary(outcome)
    if outcome.interrupted:
        # At once: Beam's and TensorFlow's threads would be waited for.
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    if outcome.error:
        raise typer.Exit(1)


def _planned(wanted: _Wanted, output: OutputFolders) -> Plan:
    from cli.quiet import quiet_tensorflow
    from pipelines.metadata_store import opened_to_read
    from pipelines.plan.planner import plan, planned_run

    planned = planned_run(wanted.settings, **wanted.place(output), fingerprint=wanted.fingerprint)
    if planned:
        return planned
    typer.echo("The code is new here: loading TFX to compile the pipeline, once.", err=True)
    with quiet_tensorflow():
        from pipelines.local_runner import compiled_pipeline

        compiled = compiled_pipeline(wanted.settings, **wanted.place(output))
    return plan(compiled, opened_to_read(output), fingerprint=wanted.fingerprint)


def _print_note(sentence: str) -> None:
    typer.echo(f"Note: {sentence}", err=True)


def _print_failure(message: str) -> None:
    from pipelines.outcome import Outcome

    typer.echo(json.dumps(Outcome(run_id=None, error=message).as_json(), ensure_ascii=False))
