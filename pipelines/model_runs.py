"""Finds TensorBoard's logs of a run in ML Metadata, without importing TFX or TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml_metadata.errors import StatusError

from pipelines.folders import OutputFolders
from pipelines.run_store import first_line, open_store, outputs_of_run, runs_by_name
from schemas.errors import ConfigError, PipelineError, printable, shortened_list

_MODEL_RUN = "ModelRun"


@dataclass(frozen=True)
class ModelRun:
    """What the Trainer of a run logged for TensorBoard.

    Attributes:
        run_id: of the run.
        folder: of the logs.
    """

    run_id: str
    folder: Path


def find_model_run(output: OutputFolders, run_id: str | None = None) -> ModelRun:
    """Finds the logs of a run.

    Args:
        output: the folders of the run.
        run_id: its id; by default that of the newest run that has logs.

    Raises:
        ConfigError: if there is no run in this output folder, or none with this id.
        PipelineError: if the run has no logs, they are gone, or ML Metadata cannot be read.
    """
    if not output.metadata.is_file():
        raise ConfigError(
            f"--output {output.root} holds no run (no {output.metadata.name}); run the pipeline "
            "first, with `warmstart pipeline run`, or name the folder that it wrote to."
        )
    try:
        return _find(output, run_id)
    except (RuntimeError, StatusError) as error:
        raise PipelineError(
            f"{output.metadata} cannot be read ({first_line(error)}); wait for the run that is "
            "writing to it, or name another folder with --output."
        ) from error


def _find(output: OutputFolders, run_id: str | None) -> ModelRun:
    store = open_store(output.metadata)
    runs = runs_by_name(store)
    if not runs:
        raise ConfigError(
            f"--output {output.root} holds no run; run the pipeline first, with "
            "`warmstart pipeline run`."
        )
    if run_id is None:
        chosen = list(runs)
    elif run_id in runs:
        chosen = [run_id]
    else:
        raise ConfigError(
            f"--run {printable(run_id)}: {output.root} holds no such run; the newest are "
            f"{shortened_list(runs)}."
        )
    for name in chosen:
        for _, artifact in outputs_of_run(store, runs[name]):
            if artifact.type == _MODEL_RUN:
                return ModelRun(name, _existing(artifact.uri, name))
    raise PipelineError(
        f"{_subject(chosen)} no TensorBoard logs, because no Trainer came to its end; run the "
        "pipeline again."
    )


def _existing(uri: str, run_id: str) -> Path:
    folder = Path(uri.removeprefix("file://"))
    if not folder.is_dir():
        raise PipelineError(
            f"The TensorBoard logs of run {run_id} are gone from {folder}; name another run with "
            "--run, or run the pipeline again."
        )
    return folder


def _subject(runs: list[str]) -> str:
    return f"Run {runs[0]} has" if len(runs) == 1 else f"The {len(runs)} runs have"
