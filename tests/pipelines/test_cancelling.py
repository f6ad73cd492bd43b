"""Tests of marking what a run was in the middle of."""

from __future__ import annotations

from pathlib import Path

from made_store import MadeStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipelines.cancelling import cancel
from pipelines.folders import OutputFolders
from pipelines.metadata_store import opened


def test_only_what_had_not_ended_in_that_run_is_cancelled(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.execution("one", "Generator")
    made.execution("one", "Trainer", state=mlmd.Execution.RUNNING)
    made.execution("other", "Trainer", state=mlmd.Execution.RUNNING)

    cancel(made.output, "one")

    assert [one.last_known_state for one in made.store.get_executions()] == [
        mlmd.Execution.COMPLETE,
        mlmd.Execution.CANCELED,
        mlmd.Execution.RUNNING,
    ]


def test_run_that_recorded_nothing_yet_has_nothing_to_cancel(tmp_path: Path) -> None:
    cancel(OutputFolders(tmp_path), "one")
    assert list(tmp_path.iterdir()) == []

    opened(OutputFolders(tmp_path)).get_contexts()
    cancel(OutputFolders(tmp_path), "one")
