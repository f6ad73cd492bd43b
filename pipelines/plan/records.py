"""What ML Metadata knows of earlier runs, as a plan needs it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_metadata import ListOptions, MetadataStore
from ml_metadata.proto import metadata_store_pb2

from pipelines.forgotten import to_forget
from pipelines.metadata_store import CACHE_CONTEXT, PIPELINE_CONTEXT

_SUCCEEDED = (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED)

Artifacts = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Reusable:
    """A result that TFX would take from its cache.

    Attributes:
        execution: that made or reused it.
        outputs: its artifacts, by output.
    """

    execution: Any
    outputs: Artifacts


class Records:
    """Reads a store, without what the next run forgets before it begins."""

    def __init__(self, store: MetadataStore, pipeline: str) -> None:
        """Notes what is forgotten.

        Args:
            store: open.
            pipeline: name of the pipeline.
        """
        self._store = store
        self._pipeline = pipeline
        self._forgotten = {artifact.id for artifact in to_forget(store)}

    def result_of(self, key: str) -> Reusable | None:
        """Returns the newest result that has a cache key and whose files are there, or None."""
        context = self._store.get_context_by_type_and_name(CACHE_CONTEXT, key)
        if context is None:
            return None
        executions = [
            execution
            for execution in self._store.get_executions_by_context(context.id)
            if execution.last_known_state in _SUCCEEDED
        ]
        newest_first = sorted(
            executions, key=lambda execution: execution.create_time_since_epoch, reverse=True
        )
        for execution in newest_first:
            outputs = self._outputs_of(execution.id)
            if all(map(self._is_usable, (one for many in outputs.values() for one in many))):
                return Reusable(execution, outputs)
        return None

    def live(self, kind: str) -> list[Any]:
        """Returns the artifacts of a type that the pipeline made or used."""
        context = self._store.get_context_by_type_and_name(PIPELINE_CONTEXT, self._pipeline)
        if context is None:
            return []
        of_kind = ListOptions(filter_query=f"type = '{kind}'")
        found = self._store.get_artifacts_by_context(context.id, list_options=of_kind)
        return [artifact for artifact in found if self._is_live(artifact)]

    def _outputs_of(self, execution: int) -> dict[str, list[Any]]:
        places = {
            event.artifact_id: event.path.steps[0].key
            for event in self._store.get_events_by_execution_ids([execution])
            if event.type == metadata_store_pb2.Event.OUTPUT
        }
        outputs: dict[str, list[Any]] = defaultdict(list)
        for artifact in self._store.get_artifacts_by_id(list(places)) if places else ():
            outputs[places[artifact.id]].append(artifact)
        return dict(outputs)

    def _is_usable(self, artifact: Any) -> bool:
        return bool(self._is_live(artifact) and artifact.uri and os.path.exists(artifact.uri))

    def _is_live(self, artifact: Any) -> bool:
        live = artifact.state == metadata_store_pb2.Artifact.LIVE
        return live and artifact.id not in self._forgotten
