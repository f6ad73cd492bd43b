"""Tests of what a run writes into ML Metadata beside TFX."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from made_store import CACHED, FAILED, MadeStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.proto.orchestration import executable_spec_pb2

import components.pusher.executor
from pipelines.resource_use import ResourceUse
from pipelines.run_facts import RunFacts
from pipelines.run_recorder import RunRecorder
from schemas import run_record

PUSHER = executable_spec_pb2.PythonClassExecutableSpec(
    class_path="components.pusher.executor.Executor"
)


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    return MadeStore(tmp_path)


@pytest.fixture
def recorder(made: MadeStore) -> RunRecorder:
    connection = sqlite_metadata_connection_config(str(made.output.metadata))
    made.context("pipeline_run", "other")
    return RunRecorder(connection, "one", RunFacts("head:\n  units: 8\n", "/photos"))


def record(node: Any) -> dict[str, Any]:
    return {
        name: value.string_value or value.double_value
        for name, value in node.custom_properties.items()
        if name.startswith(run_record.PREFIX)
    }


def test_run_is_recorded_before_its_first_component(made: MadeStore, recorder: RunRecorder) -> None:
    recorder.begin({"Generator": [], "Pusher": ["Generator"]})

    found = record(made.store.get_context_by_type_and_name("pipeline_run", "one"))
    assert found[run_record.NODES] == '{"Generator": [], "Pusher": ["Generator"]}'
    assert found[run_record.CONFIGURATION] == "head:\n  units: 8\n"
    assert found[run_record.DATA] == "/photos"
    assert found[run_record.VERSION]


def test_component_is_recorded_with_its_outputs(made: MadeStore, recorder: RunRecorder) -> None:
    recorder.begin({"Pusher": []})
    model = made.artifact("Model", "Pusher/model/1", {"m": "m"})
    (number,) = made.execution("one", "Pusher", outputs={"model": model})
    before = made.known(number)

    recorder.end_component(PUSHER, 2.5)

    (execution,) = made.store.get_executions()
    found = record(execution)
    assert found[run_record.SECONDS] == 2.5
    assert found[run_record.EXECUTOR].startswith("components.pusher.executor.Executor ")
    file = Path(str(components.pusher.executor.__file__))
    assert found[run_record.CODE] == hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    assert json.loads(found[run_record.OUTPUTS])[str(number)].startswith("sha256:")
    # All of it is a part of the cache key of what uses it.
    assert made.known(number) == before


def test_digest_of_code_among_the_properties_is_taken(
    made: MadeStore, recorder: RunRecorder
) -> None:
    recorder.begin({"Pusher": []})
    made.execution("one", "Pusher", custom_config='{"a": 1, "code_digest": "abc123"}')

    recorder.end_component(PUSHER, 1.0)

    (execution,) = made.store.get_executions()
    assert record(execution)[run_record.CODE] == "abc123"


def test_what_came_from_the_cache_is_not_digested_again(
    made: MadeStore, recorder: RunRecorder
) -> None:
    recorder.begin({"Pusher": []})
    model = made.artifact("Model", "Pusher/model/1", {"m": "m"})
    made.execution("one", "Pusher", outputs={"model": model}, state=CACHED)

    recorder.end_component(PUSHER, 1.0)

    (execution,) = made.store.get_executions()
    assert run_record.OUTPUTS not in record(execution)
    assert run_record.CODE in record(execution)


def test_failure_is_recorded_with_its_first_line_and_each_component_once(
    made: MadeStore, recorder: RunRecorder
) -> None:
    recorder.begin({"Generator": [], "Pusher": ["Generator"]})
    made.execution("one", "Generator")
    recorder.end_component(PUSHER, 1.0)
    made.execution("one", "Pusher", state=FAILED)
    made.execution("other", "Pusher")

    recorder.end_component(PUSHER, 2.0, ValueError("No space.\nTraceback"))

    first, second, other = (record(one) for one in made.store.get_executions())
    assert (first[run_record.SECONDS], run_record.ERROR in first) == (1.0, False)
    assert (second[run_record.SECONDS], second[run_record.ERROR]) == (2.0, "No space.")
    assert other == {}


def test_component_that_is_interrupted_is_recorded_as_cancelled(
    made: MadeStore, recorder: RunRecorder
) -> None:
    recorder.begin({"Generator": [], "Pusher": ["Generator"]})
    made.execution("one", "Generator")
    made.execution("one", "Pusher", state=mlmd.Execution.RUNNING)

    recorder.end_component(PUSHER, 2.0, KeyboardInterrupt())

    finished, interrupted = made.store.get_executions()
    assert interrupted.last_known_state == mlmd.Execution.CANCELED
    assert record(interrupted)[run_record.ERROR] == "KeyboardInterrupt"
    assert finished.last_known_state == mlmd.Execution.COMPLETE


def test_use_of_the_machine_is_recorded(made: MadeStore, recorder: RunRecorder) -> None:
    recorder.begin({"Pusher": []})
    made.execution("one", "Pusher")

    recorder.end_component(PUSHER, 2.0, used=ResourceUse(cpu_seconds=1.5, peak_memory=4096))

    (execution,) = made.store.get_executions()
    assert execution.custom_properties[run_record.CPU_SECONDS].double_value == 1.5
    assert execution.custom_properties[run_record.PEAK_MEMORY].int_value == 4096


def test_resolver_has_no_executor(made: MadeStore, recorder: RunRecorder) -> None:
    recorder.begin({"latest": []})
    made.execution("one", "latest")

    recorder.end_component(None, 0.5)

    (execution,) = made.store.get_executions()
    assert record(execution) == {run_record.SECONDS: 0.5}


def test_store_that_cannot_be_written_is_only_a_warning(
    made: MadeStore, recorder: RunRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    made.output.metadata.write_bytes(b"no database" * 400)

    recorder.begin({"Pusher": []})
    recorder.end_component(PUSHER, 1.0)

    assert "The record of the run is incomplete: " in caplog.text
    assert "The record of a component is incomplete: " in caplog.text
