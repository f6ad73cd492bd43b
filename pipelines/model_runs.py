"""Finds TensorBoard's logs of a run in ML Metadata, without importing TFX or TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.errors import StatusError
from ml_metadata.proto import metadata_store_pb2

from pipelines.folders import OutputFolders
from schemas.errors import ConfigError, PipelineError, printable, shortened_list

_RUN_CONTEXT = "pipeline_run"
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
            f"{output.metadata} cannot be read ({_first_line(error)}); wait for the run that is "
            "writing to it, or name another folder with --output."
        ) from error


def _find(output: OutputFolders, run_id: str | None) -> ModelRun:
    store = MetadataStore(_connection(output.metadata))
    runs = _runs(store)
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
        for uri in _model_runs(store, runs[name]):
            return ModelRun(name, _existing(uri, name))
    raise PipelineError(
        f"{_subject(chosen)} no TensorBoard logs, because no Trainer came to its end; run the "
        "pipeline again."
    )


def _connection(file: Path) -> Any:
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    return config


def _runs(store: MetadataStore) -> dict[str, int]:
    """Returns the id of each run's context by the run's name, newest first."""
    if _RUN_CONTEXT not in {kind.name for kind in store.get_context_types()}:
        return {}
    contexts = store.get_contexts_by_type(_RUN_CONTEXT)
    # Ids grow; times of creation are in milliseconds and can be equal.
    newest_first = sorted(contexts, key=lambda context: context.id, reverse=True)
    return {context.name: context.id for context in newest_first}


def _model_runs(store: MetadataStore, context_id: int) -> Iterator[str]:
    """Yields the folder of each ModelRun that a run made or, from the cache, reused."""
    executions = [execution.id for execution in store.get_executions_by_context(context_id)]
    if not executions:
        return
    events = store.get_events_by_execution_ids(executions)
    made = [e.artifact_id for e in events if e.type == metadata_store_pb2.Event.OUTPUT]
    for artifact in store.get_artifacts_by_id(made) if made else ():
        if artifact.type == _MODEL_RUN:
            yield artifact.uri


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


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].strip().rstrip(".")
