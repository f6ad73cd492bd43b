"""Reads runs from ML Metadata, without importing TFX or TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

_RUN_CONTEXT = "pipeline_run"


def open_store(file: Path) -> MetadataStore:
    """Opens a SQLite file of ML Metadata for reading."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    return MetadataStore(config)


def runs_by_name(store: MetadataStore) -> dict[str, int]:
    """Returns the id of each run's context by the run's name, newest first."""
    if _RUN_CONTEXT not in {kind.name for kind in store.get_context_types()}:
        return {}
    contexts = store.get_contexts_by_type(_RUN_CONTEXT)
    # Ids grow; times of creation are in milliseconds and can be equal.
    newest_first = sorted(contexts, key=lambda context: context.id, reverse=True)
    return {context.name: context.id for context in newest_first}


def outputs_of_run(
    store: MetadataStore, context_id: int
) -> Iterator[tuple[str, metadata_store_pb2.Artifact]]:
    """Yields what a run made or, from the cache, reused, and the output it is of."""
    executions = [execution.id for execution in store.get_executions_by_context(context_id)]
    if not executions:
        return
    events = store.get_events_by_execution_ids(executions)
    made = {
        event.artifact_id: event.path.steps[0].key if event.path.steps else ""
        for event in events
        if event.type == metadata_store_pb2.Event.OUTPUT
    }
    for artifact in store.get_artifacts_by_id(list(made)) if made else ():
        yield made[artifact.id], artifact


def first_line(error: Exception) -> str:
    """Returns what ML Metadata says of an error, to stand within a sentence."""
    return str(error).strip().split("\n", 1)[0].strip().rstrip(".")
