"""Records a run that reuses everything, as TFX would, without importing TFX."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from pipelines.metadata_store import CACHE_CONTEXT, PIPELINE_CONTEXT, RUN_CONTEXT
from pipelines.outcome import CACHED, EXECUTED, RUNNING, ComponentRun
from pipelines.plan.planner import LOOK_UP, Plan, Step
from pipelines.plan.records import Artifacts
from schemas import run_record

_EVENT = metadata_store_pb2.Event
_EXECUTION = metadata_store_pb2.Execution

# What is said of the code that made a result holds where it is reused; the rest does not.
_KEPT = (run_record.CODE, run_record.EXECUTOR)


class Replay:
    """A run in which no component runs."""

    def __init__(
        self, plan: Plan, store: MetadataStore, run_id: str, *, record: Mapping[str, str]
    ) -> None:
        """Records the run as a whole.

        Args:
            plan: of which everything is reused.
            store: open.
            run_id: of the run in ML Metadata.
            record: what is written on its context, by `schemas.run_record`.
        """
        self._plan = plan
        self._store = store
        self._run_id = run_id
        pipeline = self._context(PIPELINE_CONTEXT, plan.pipeline.pipeline_info.id)
        run = self._context(RUN_CONTEXT, run_id)
        for name, text in record.items():
            run.custom_properties[name].string_value = text
        [run.id] = store.put_contexts([run])
        store.put_parent_contexts(
            [metadata_store_pb2.ParentContext(parent_id=pipeline.id, child_id=run.id)]
        )

    def run(self, listener: Callable[[ComponentRun], None]) -> None:
        """Records each component.

        Args:
            listener: called with each component when it starts and when it ends.
        """
        for step in self._plan.steps:
            started = time.perf_counter()
            listener(ComponentRun(step.id, RUNNING, 0.0))
            self._record(step, started)
            state = EXECUTED if step.state == LOOK_UP else CACHED
            listener(ComponentRun(step.id, state, time.perf_counter() - started))

    def _record(self, step: Step, started: float) -> None:
        is_look_up = step.state == LOOK_UP
        execution = _EXECUTION(
            type_id=self._store.get_execution_type(step.node.node_info.type.name).id,
            name=str(uuid.uuid4()),
            last_known_state=_EXECUTION.COMPLETE if is_look_up else _EXECUTION.CACHED,
        )
        for name, parameter in step.node.parameters.parameters.items():
            execution.custom_properties[name].CopyFrom(parameter.field_value)
        for name in _KEPT:
            if step.execution is not None and name in step.execution.custom_properties:
                kept = step.execution.custom_properties[name]
                execution.custom_properties[name].CopyFrom(kept)
        contexts = [self._named(spec) for spec in step.node.contexts.contexts]
        if step.key:
            contexts.append(self._context(CACHE_CONTEXT, step.key))
        output = _EVENT.INTERNAL_OUTPUT if is_look_up else _EVENT.OUTPUT
        execution.custom_properties[run_record.SECONDS].double_value = time.perf_counter() - started
        self._store.put_execution(
            execution,
            [*_events(step.inputs, _EVENT.INPUT), *_events(step.outputs, output)],
            contexts,
            reuse_context_if_already_exist=True,
            force_reuse_context=True,
        )

    def _named(self, spec: Any) -> Any:
        """Returns the context that a node of the compiled pipeline is recorded in."""
        name = spec.name.field_value.string_value
        return self._context(spec.type.name, name or self._run_id)

    def _context(self, kind: str, name: str) -> Any:
        known = self._store.get_context_by_type_and_name(kind, name)
        if known is not None:
            return known
        type_id = self._store.get_context_type(kind).id
        return metadata_store_pb2.Context(type_id=type_id, name=name)


def _events(artifacts: Artifacts, kind: Any) -> list[tuple[Any, Any]]:
    """Returns each artifact with the event that links it; one that is linked twice, once."""
    events: dict[int, tuple[Any, Any]] = {}
    for key, many in artifacts.items():
        for index, artifact in enumerate(many):
            event = events.setdefault(artifact.id, (artifact, _EVENT(type=kind)))[1]
            event.path.steps.add().key = key
            event.path.steps.add().index = index
    return list(events.values())
