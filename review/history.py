"""Reads runs, executions and artifacts, many at a time: no query is made for a single execution."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml_metadata import ListOptions, MetadataStore, OrderByField
from ml_metadata.proto import metadata_store_pb2

from review.files import ArtifactFiles
from review.records import (
    CACHED,
    DELETED,
    EXECUTED,
    FAILED,
    LIVE,
    PARTIAL,
    UNFINISHED,
    Artifact,
    Execution,
    Run,
    RunHead,
    Value,
    plain,
)
from schemas import run_record

_RUN = "pipeline_run"
_PIPELINE = "pipeline"
_NODE = "node"
_CACHE = "execution_cache"

# ML Metadata starts from no more nodes in one query of lineage.
_MOST_STARTS = 100

_EXECUTION_STATES = {
    metadata_store_pb2.Execution.COMPLETE: EXECUTED,
    metadata_store_pb2.Execution.CACHED: CACHED,
    metadata_store_pb2.Execution.FAILED: FAILED,
    metadata_store_pb2.Execution.CANCELED: FAILED,
}
_ARTIFACT_STATES = {
    metadata_store_pb2.Artifact.LIVE: LIVE,
    metadata_store_pb2.Artifact.UNKNOWN: LIVE,  # Written by something older than states.
    metadata_store_pb2.Artifact.DELETED: DELETED,
}
_INPUTS = (metadata_store_pb2.Event.INPUT, metadata_store_pb2.Event.DECLARED_INPUT)
_MADE = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)
# What a resolver found is no output of its own.
_OUTPUTS = (*_MADE, metadata_store_pb2.Event.INTERNAL_OUTPUT)


class History:
    """The runs in a store of ML Metadata, as they are when they are first read."""

    def __init__(self, store: MetadataStore, root: Path) -> None:
        """Reads nothing yet.

        Args:
            store: open, for example by `review.store.opened`.
            root: the folder below which artifacts are read, whatever the store says.
        """
        self.files = ArtifactFiles(root)
        self._store = store
        self._artifacts: dict[int, Artifact] = {}
        self._seen: dict[int, Execution] = {}
        self._of_kind: dict[str, list[Any]] = {}
        self._names: dict[int, tuple[str, str]] = {}

    def runs(self) -> list[RunHead]:
        """Returns all runs that were not removed, the newest first."""
        heads = [
            RunHead(context.id, context.name, _time(context.create_time_since_epoch), record)
            for context in self._contexts(_RUN)
            if run_record.DELETED not in (record := _split(context)[1])
        ]
        # Ids grow; times of creation are in milliseconds and can be equal.
        return sorted(heads, key=lambda head: head.id, reverse=True)

    def pipelines(self) -> list[str]:
        """Returns the names of all pipelines."""
        return sorted(context.name for context in self._contexts(_PIPELINE))

    def read(self, heads: Iterable[RunHead]) -> list[Run]:
        """Reads the executions of runs.

        Args:
            heads: from `runs`.

        Returns:
            The runs, in the same order.
        """
        heads = list(heads)
        found = [self._store.get_executions_by_context(head.id) for head in heads]
        executions = {
            e.id: e for e in self._executions([one for of_run in found for one in of_run])
        }
        return [
            _run(head, [executions[one.id] for one in of_run])
            for head, of_run in zip(heads, found, strict=True)
        ]

    def executions(self, ids: Collection[int]) -> list[Execution]:
        """Returns executions by their ids, in the order of these."""
        unread = sorted(set(ids) - self._seen.keys())
        if unread:
            self._executions(self._store.get_executions_by_id(unread))
        return [self._seen[number] for number in ids]

    def all_executions(self) -> list[Execution]:
        """Returns every execution; takes seconds where there are thousands."""
        return self._executions(self._store.get_executions())

    def last_change(self) -> int:
        """Returns when an execution was last changed, in milliseconds since 1970, or 0."""
        options = ListOptions(limit=1, order_by=OrderByField.UPDATE_TIME, is_asc=False)
        newest = self._store.get_executions(list_options=options)[:1]
        return next((one.last_update_time_since_epoch for one in newest), 0)

    def changed_runs(self, since: int) -> set[str]:
        """Returns the names of runs that have executions which were changed then or later.

        Args:
            since: in milliseconds since 1970.
        """
        options = ListOptions(filter_query=f"last_update_time_since_epoch >= {since}")
        found = self._executions(self._store.get_executions(list_options=options))
        return {execution.run for execution in found}

    def earlier(
        self,
        executions: Sequence[Execution],
        most: int,
        *,
        executed: bool = True,
        other_pipelines: bool = False,
    ) -> dict[int, list[Execution]]:
        """Returns executions of the same components in earlier runs, the newest first.

        Args:
            executions: that they are earlier than.
            most: how many of each component, at most.
            executed: only those that came to their end and were not taken from the cache: of the
                others, TFX does not record what a driver found, such as a fingerprint.
            other_pipelines: those of other pipelines instead of those of their own.

        Returns:
            Them by the id of the one that they are earlier than.
        """
        state = " AND last_known_state = COMPLETE" if executed else ""
        found: dict[int, list[Any]] = {}
        runs = {execution.id: execution.run for execution in executions}
        for execution in executions:
            options = ListOptions(
                limit=most,
                order_by=OrderByField.ID,
                is_asc=False,
                filter_query=f"id < {execution.id}{state}",
            )
            own = f"{execution.pipeline}.{execution.node}"
            names = {f"{name}.{execution.node}" for name in self.pipelines()} - {own}
            wanted = names if other_pipelines else {own}
            of_node = [
                one
                for context in self._contexts(_NODE)
                if context.name in wanted
                for one in self._store.get_executions_by_context(context.id, options)
            ]
            found[execution.id] = sorted(of_node, key=lambda one: one.id, reverse=True)[:most]
        self._executions([one for of_node in found.values() for one in of_node])
        return {
            number: [one for one in self._executions(of_node) if one.run != runs[number]]
            for number, of_node in found.items()
        }

    def artifacts(self, ids: Iterable[int]) -> dict[int, Artifact]:
        """Returns artifacts by their ids; those that do not exist are left out."""
        wanted = set(ids)
        unread = sorted(wanted - self._artifacts.keys())
        if unread:
            for artifact in self._store.get_artifacts_by_id(unread):
                self._artifacts[artifact.id] = _artifact(artifact)
        return {number: self._artifacts[number] for number in wanted & self._artifacts.keys()}

    def all_artifacts(self) -> list[Artifact]:
        """Returns every artifact, in the order of the ids."""
        found = sorted(map(_artifact, self._store.get_artifacts()), key=lambda one: one.id)
        self._artifacts.update((artifact.id, artifact) for artifact in found)
        return found

    def newest_artifacts(
        self, most: int, *, kind: str = "", before: int | None = None
    ) -> list[Artifact]:
        """Returns artifacts, the newest first.

        Args:
            most: how many, at most.
            kind: type of them, or empty for all.
            before: only those with a smaller id, or None.
        """
        options = ListOptions(
            limit=most,
            order_by=OrderByField.ID,
            is_asc=False,
            filter_query=None if before is None else f"id < {before}",
        )
        if kind and kind not in self.artifact_types():
            return []
        found = (
            self._store.get_artifacts_by_type(kind, list_options=options)
            if kind
            else self._store.get_artifacts(list_options=options)
        )
        return sorted(map(_artifact, found), key=lambda one: one.id, reverse=True)[:most]

    def artifact_types(self) -> list[str]:
        """Returns the names of all types of artifacts."""
        return sorted(found.name for found in self._store.get_artifact_types())

    def makers(self, ids: Collection[int]) -> dict[int, Execution]:
        """Returns the execution that made each artifact, not those that reused it."""
        if not ids:
            return {}
        events = self._store.get_events_by_artifact_ids(sorted(ids))
        pairs = [(e.artifact_id, e.execution_id) for e in events if e.type in _MADE]
        # What is reused has an event of each run that did; the first is that of the maker.
        first: dict[int, int] = {}
        for artifact, execution in pairs:
            first[artifact] = min(execution, first.get(artifact, execution))
        executions = {one.id: one for one in self.executions(set(first.values()))}
        return {artifact: executions[execution] for artifact, execution in first.items()}

    def digests(self, ids: Collection[int]) -> dict[int, str]:
        """Returns the digest of each artifact's content, where it is recorded."""
        found: dict[int, str] = {}
        for artifact, maker in self.makers(ids).items():
            recorded = _object(maker.record.get(run_record.OUTPUTS))
            if digest := recorded.get(str(artifact)):
                found[artifact] = str(digest)
        return found

    def _contexts(self, kind: str) -> list[Any]:
        """Returns the contexts of a kind; they are kept, as every answer needs them."""
        if kind not in self._of_kind:
            known = kind in {known.name for known in self._store.get_context_types()}
            self._of_kind[kind] = self._store.get_contexts_by_type(kind) if known else []
            self._names.update((one.id, (kind, one.name)) for one in self._of_kind[kind])
        return self._of_kind[kind]

    def _executions(self, found: Sequence[Any]) -> list[Execution]:
        """Completes executions with events and contexts; those that were are kept."""
        new = [one for one in found if one.id not in self._seen]
        ids = [one.id for one in new]
        contexts = self._contexts_of(ids)
        inputs: dict[int, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
        outputs: dict[int, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
        for event in self._store.get_events_by_execution_ids(ids) if ids else ():
            for kinds, slots in ((_INPUTS, inputs), (_OUTPUTS, outputs)):
                if event.type in kinds:
                    key, index = _place(event)
                    slot = slots[event.execution_id][key]
                    slot[len(slot) if index is None else index] = event.artifact_id
        for one in new:
            self._seen[one.id] = _execution(
                one, contexts[one.id], _ordered(inputs[one.id]), _ordered(outputs[one.id])
            )
        return [self._seen[one.id] for one in found]

    def _contexts_of(self, ids: Sequence[int]) -> dict[int, dict[str, str]]:
        """Returns the names of the contexts of each execution, by their kind."""
        pairs = []
        for batch in _batches(ids, _MOST_STARTS):
            options = metadata_store_pb2.LineageSubgraphQueryOptions(max_num_hops=0)
            options.starting_executions.filter_query = f"id IN ({', '.join(map(str, batch))})"
            graph = self._store.get_lineage_subgraph(options, ["associations"])
            pairs += [(one.execution_id, one.context_id) for one in graph.associations]
        for kind in (_RUN, _PIPELINE, _NODE):
            self._contexts(kind)
        unknown = sorted({context for _, context in pairs} - self._names.keys())
        for context in self._store.get_contexts_by_id(unknown) if unknown else ():
            self._names[context.id] = (context.type, context.name)
        found: dict[int, dict[str, str]] = defaultdict(dict)
        for execution, context in pairs:
            kind, name = self._names[context]
            found[execution][kind] = name
        return found


def _run(head: RunHead, executions: Iterable[Execution]) -> Run:
    ordered = tuple(sorted(executions, key=lambda one: one.id))
    reached = {execution.node for execution in ordered}
    planned = _planned(head.record.get(run_record.NODES))
    return Run(head, ordered, {node: planned[node] for node in planned if node not in reached})


def _planned(recorded: Value | None) -> dict[str, tuple[str, ...]]:
    """Returns the components that a run was to come to, each with those that it waits for."""
    return {
        node: tuple(map(str, above)) if isinstance(above, list) else ()
        for node, above in _object(recorded).items()
    }


def _object(recorded: Value | None) -> dict[str, Any]:
    """Returns the JSON object that a text holds; a store of others may hold anything."""
    try:
        found = json.loads(str(recorded)) if recorded is not None else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _execution(
    found: Any,
    contexts: dict[str, str],
    inputs: dict[str, tuple[int, ...]],
    outputs: dict[str, tuple[int, ...]],
) -> Execution:
    properties, record = _split(found)
    pipeline = contexts.get(_PIPELINE, "")
    node = contexts.get(_NODE, "").removeprefix(f"{pipeline}.")
    state = _EXECUTION_STATES.get(found.last_known_state, UNFINISHED)
    between = (found.last_update_time_since_epoch - found.create_time_since_epoch) / 1000
    seconds = record.get(run_record.SECONDS, None if state == UNFINISHED else between)
    return Execution(
        id=found.id,
        node=node or found.type.rpartition(".")[2],
        component=found.type,
        run=contexts.get(_RUN, ""),
        pipeline=pipeline,
        cache_key=contexts.get(_CACHE),
        state=state,
        started=_time(found.create_time_since_epoch),
        seconds=_seconds(seconds),
        inputs=inputs,
        outputs=outputs,
        properties=properties,
        record=record,
    )


def _seconds(found: Value | None) -> float | None:
    is_number = isinstance(found, (int, float)) and math.isfinite(found)
    return max(float(found), 0.0) if is_number and found is not None else None


def _artifact(found: Any) -> Artifact:
    return Artifact(
        id=found.id,
        type=found.type,
        uri=found.uri,
        state=_ARTIFACT_STATES.get(found.state, PARTIAL),
        created=_time(found.create_time_since_epoch),
        changed=_time(found.last_update_time_since_epoch),
        properties=plain(found.properties) | plain(found.custom_properties),
    )


def _split(found: Any) -> tuple[dict[str, Value], dict[str, Value]]:
    """Returns the properties of TFX, and those of our record."""
    everything = plain(found.properties) | plain(found.custom_properties)
    record = {name for name in everything if name.startswith(run_record.PREFIX)}
    return (
        {name: value for name, value in everything.items() if name not in record},
        {name: everything[name] for name in record},
    )


def _place(event: Any) -> tuple[str, int | None]:
    """Returns the name of an input or output, and the number in it."""
    key, index = "", None
    for step in event.path.steps:
        if step.WhichOneof("value") == "key":
            key = step.key
        else:
            index = step.index
    return key, index


def _ordered(slots: dict[str, dict[int, int]]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(slot[index] for index in sorted(slot)) for key, slot in slots.items()}


def _time(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _batches(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
