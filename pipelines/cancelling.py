"""Marks what a run was in the middle of as cancelled."""

from __future__ import annotations

from ml_metadata.proto import metadata_store_pb2

from pipelines.folders import OutputFolders
from pipelines.metadata_store import RUN_CONTEXT, opened

_EXECUTION = metadata_store_pb2.Execution


def cancel(output: OutputFolders, run_id: str) -> None:
    """Marks the executions of a run that have not ended, if it has any.

    Args:
        output: its folders.
        run_id: its id.
    """
    if not output.metadata.exists():
        return
    store = opened(output)
    if RUN_CONTEXT not in {kind.name for kind in store.get_context_types()}:
        return
    run = store.get_context_by_type_and_name(RUN_CONTEXT, run_id)
    executions = store.get_executions_by_context(run.id) if run else []
    unfinished = [one for one in executions if one.last_known_state == _EXECUTION.RUNNING]
    for execution in unfinished:
        execution.last_known_state = _EXECUTION.CANCELED
    if unfinished:
        store.put_executions(unfinished)
