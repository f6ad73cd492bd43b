"""A store of ML Metadata that is written by hand, as TFX fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipelines.folders import OutputFolders

EXECUTED = mlmd.Execution.COMPLETE
CACHED = mlmd.Execution.CACHED
FAILED = mlmd.Execution.FAILED
RUNNING = mlmd.Execution.RUNNING


@dataclass
class MadeStore:
    """A store in an output folder, and what is put into it."""

    root: Path
    output: OutputFolders = field(init=False)
    store: MetadataStore = field(init=False)

    def __post_init__(self) -> None:
        self.output = OutputFolders(self.root)
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.output.metadata)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = MetadataStore(config)

    def context(self, kind: str, name: str, **properties: str) -> Any:
        """Returns a context, which is made if there is none."""
        type_id = self.store.put_context_type(mlmd.ContextType(name=kind))
        found = self.store.get_context_by_type_and_name(kind, name)
        context = found or mlmd.Context(type_id=type_id, name=name)
        _set(context, properties)
        (context.id,) = self.store.put_contexts([context])
        return context

    def artifact(self, kind: str, name: str, files: Mapping[str, str], **properties: Any) -> Any:
        """Makes an artifact with files, in a folder such as TFX gives it."""
        folder = self.output.artifacts / name
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name=kind))
        artifact = mlmd.Artifact(type_id=type_id, uri=str(folder), state=mlmd.Artifact.LIVE)
        _set(artifact, properties)
        return artifact

    def execution(  # noqa: PLR0913 (a test names what it needs)
        self,
        run: str,
        node: str,
        *,
        inputs: Mapping[str, int] | None = None,
        outputs: Mapping[str, Any] | None = None,
        state: Any = EXECUTED,
        pipeline: str = "line",
        key: str = "",
        component: str = "",
        **properties: Any,
    ) -> list[int]:
        """Adds an execution; returns the ids of its outputs."""
        type_id = self.store.put_execution_type(
            mlmd.ExecutionType(name=component or f"components.{node}")
        )
        execution = mlmd.Execution(type_id=type_id, last_known_state=state)
        _set(execution, properties)
        contexts = [
            self.context("pipeline", pipeline),
            self.context("pipeline_run", run),
            self.context("node", f"{pipeline}.{node}"),
            self.context("execution_cache", key or f"{run} {node}"),
        ]
        pairs = [(self._known(number), _event(name, "INPUT")) for name, number in _of(inputs)]
        pairs += [(artifact, _event(name, "OUTPUT")) for name, artifact in _of(outputs)]
        _, made, _ = self.store.put_execution(execution, pairs, contexts)
        return list(made)[len(inputs or {}) :]

    def known(self, number: int) -> Any:
        """Returns an artifact that is in the store, to be an output again."""
        return self._known(number)

    def forget(self, number: int) -> None:
        """Marks an artifact as deleted."""
        artifact = self._known(number)
        artifact.state = mlmd.Artifact.DELETED
        self.store.put_artifacts([artifact])

    def _known(self, number: int) -> Any:
        (artifact,) = self.store.get_artifacts_by_id([number])
        return artifact


def _of(pairs: Mapping[str, Any] | None) -> Sequence[tuple[str, Any]]:
    return list((pairs or {}).items())


def _event(name: str, kind: str) -> Any:
    event = mlmd.Event(type=mlmd.Event.Type.Value(kind))
    event.path.steps.add().key = name
    event.path.steps.add().index = 0
    return event


def _set(node: Any, properties: Mapping[str, Any]) -> None:
    for name, value in properties.items():
        entry = node.custom_properties[name]
        if isinstance(value, str):
            entry.string_value = value
        elif isinstance(value, float):
            entry.double_value = value
        else:
            entry.int_value = value
