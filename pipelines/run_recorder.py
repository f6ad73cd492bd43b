"""Writes into ML Metadata what TFX does not, so that a run can be reviewed later.

The properties are those of `schemas.run_record`. A run never fails because of its record.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import context_lib

from pipelines.code_that_ran import code_that_ran
from pipelines.content_digest import content_digest, examples_digest
from pipelines.resource_use import ResourceUse
from pipelines.run_facts import RunFacts, class_path, executor_text, record_of_run
from schemas import run_record
from schemas.errors import first_line

_RUN_CONTEXT = "pipeline_run"

_CACHED = metadata_store_pb2.Execution.CACHED
_RUNNING = metadata_store_pb2.Execution.RUNNING
_OUTPUT = metadata_store_pb2.Event.OUTPUT

_EXAMPLES = "Examples"

_log = logging.getLogger(__name__)


class RunRecorder:
    """Records a run while it goes on, one component after the other."""

    def __init__(self, connection: Any, run_id: str, facts: RunFacts | None = None) -> None:
        """Writes nothing yet.

        Args:
            connection: ML Metadata's connection config.
            run_id: of the run.
            facts: of the run, where they are known.
        """
        self._metadata = metadata.Metadata(connection)
        self._run_id = run_id
        self._facts = facts
        self._recorded: set[int] = set()

    def begin(self, nodes: Mapping[str, Sequence[str]]) -> None:
        """Records the run as a whole.

        Args:
            nodes: ids of its components, in their order, each with those that it waits for.
        """
        with _harmless("the run"), self._metadata as handle:
            context = context_lib.register_context_if_not_exists(handle, _RUN_CONTEXT, self._run_id)
            for name, text in record_of_run(self._facts, nodes).items():
                context.custom_properties[name].string_value = text
            handle.store.put_contexts([context])

    def end_component(
        self,
        executor_spec: Any,
        seconds: float,
        error: BaseException | None = None,
        *,
        used: ResourceUse | None = None,
    ) -> None:
        """Records the component that ended last, whatever became of it.

        Args:
            executor_spec: TFX's, or None for a resolver.
            seconds: of wall time.
            error: what it raised.
            used: of processor and memory.
        """
        with _harmless("a component"), self._metadata as handle:
            new = self._new_executions(handle.store)
            digests = _digests(handle.store, new)
            for execution in new:
                _describe(execution, executor_spec, seconds, error)
                if used:
                    _describe_use(execution, used)
                if found := digests.get(execution.id):
                    _set(execution, run_record.OUTPUTS, json.dumps(found))
            if new:
                handle.store.put_executions(new)
            self._recorded.update(execution.id for execution in new)

    def _new_executions(self, store: Any) -> list[Any]:
        context = store.get_context_by_type_and_name(_RUN_CONTEXT, self._run_id)
        executions = store.get_executions_by_context(context.id) if context else []
        return [execution for execution in executions if execution.id not in self._recorded]


def _describe(
    execution: Any, executor_spec: Any, seconds: float, error: BaseException | None
) -> None:
    execution.custom_properties[run_record.SECONDS].double_value = seconds
    if isinstance(error, KeyboardInterrupt) and execution.last_known_state == _RUNNING:
        # TFX records what raises an Exception as failed, and leaves this one running for ever.
        execution.last_known_state = metadata_store_pb2.Execution.CANCELED
    if error:
        _set(execution, run_record.ERROR, first_line(error))
    if executor_spec:
        _set(execution, run_record.EXECUTOR, executor_text(executor_spec))
        properties = {name: v.string_value for name, v in execution.custom_properties.items()}
        if code := code_that_ran(properties, class_path(executor_spec)):
            _set(execution, run_record.CODE, code)


def _describe_use(execution: Any, used: ResourceUse) -> None:
    properties = execution.custom_properties
    properties[run_record.CPU_SECONDS].double_value = used.cpu_seconds
    if used.peak_memory is not None:
        properties[run_record.PEAK_MEMORY].int_value = used.peak_memory


def _digests(store: Any, executions: Iterable[Any]) -> dict[int, dict[str, str]]:
    """Returns the digest of each output by the execution that made it, then by the output's id.

    What comes from the cache was digested when it was made.
    """
    made = [execution.id for execution in executions if execution.last_known_state != _CACHED]
    events = store.get_events_by_execution_ids(made) if made else []
    makers = {event.artifact_id: event.execution_id for event in events if event.type == _OUTPUT}
    found: dict[int, dict[str, str]] = {execution: {} for execution in made}
    for artifact in store.get_artifacts_by_id(list(makers)) if makers else ():
        digested = examples_digest if artifact.type == _EXAMPLES else content_digest
        if digest := digested(Path(artifact.uri)):
            found[makers[artifact.id]][str(artifact.id)] = digest
    return found


def _set(execution: Any, name: str, text: str) -> None:
    execution.custom_properties[name].string_value = text


@contextmanager
def _harmless(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 (whatever it is, the run is worth more)
        _log.warning("The record of %s is incomplete: %s", what, error)
