"""Tests of what is told of a run as OpenLineage events."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from made_store import CACHED, FAILED, RUNNING, MadeStore

from review.history import History
from review.openlineage import Event, as_lines, run_events

SCHEMA = """
feature { name: "image" type: BYTES }
feature { name: "width" type: INT }
"""


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A run that succeeded, one that reused it and failed then, and one that goes on."""
    made = MadeStore(tmp_path)
    made.context(
        "pipeline_run",
        "run-1",
        warmstart_version="0.1.0",
        warmstart_commit="abc123 with changes",
        warmstart_configuration="head:\n  dropout: 0.5\n",
    )
    ids = made.execution(
        "run-1",
        "Generator",
        outputs={
            "examples": made.artifact("Examples", "Generator/examples/1", {"e": "e"}),
            "quarantine": made.artifact("Quarantine", "Generator/quarantine/1", {}),
        },
        warmstart_seconds=2.5,
        warmstart_code="0123",
        warmstart_outputs='{"1": "sha256:aa"}',
    )
    made.execution(
        "run-1",
        "SchemaGen",
        inputs={"examples": ids[0]},
        outputs={"schema": made.artifact("Schema", "SchemaGen/1", {"schema.pbtxt": SCHEMA})},
        warmstart_seconds=1.0,
    )
    made.execution(
        "run-2",
        "Generator",
        outputs={"examples": made.known(ids[0]), "quarantine": made.known(ids[1])},
        state=CACHED,
    )
    made.execution(
        "run-2", "SchemaGen", inputs={"examples": ids[0]}, state=FAILED, warmstart_error="No disk."
    )
    made.execution("run-3", "Generator", state=RUNNING)
    return made


def told(made: MadeStore, name: str) -> list[Event]:
    history = History(made.store, made.root)
    (run,) = history.read(head for head in history.runs() if head.name == name)
    return run_events(history, run)


def kinds(events: list[Event]) -> list[tuple[str, str]]:
    return [(event["job"]["name"], event["eventType"]) for event in events]


def test_run_is_the_parent_job_of_its_components(made: MadeStore) -> None:
    events = told(made, "run-1")

    assert kinds(events) == [
        ("line", "START"),
        ("line.Generator", "START"),
        ("line.Generator", "COMPLETE"),
        ("line.SchemaGen", "START"),
        ("line.SchemaGen", "COMPLETE"),
        ("line", "COMPLETE"),
    ]
    parent = events[0]["run"]["runId"]
    assert events[-1]["run"]["runId"] == parent
    for event in events[1:-1]:
        facet = event["run"]["facets"]["parent"]
        assert facet["run"] == {"runId": parent}
        assert facet["job"] == {"namespace": "warmstart", "name": "line"}
    runs = [event["run"]["runId"] for event in events]
    assert len(set(runs)) == 3
    assert [str(uuid.UUID(run)) for run in runs] == runs


def test_run_tells_version_commit_time_and_configuration(made: MadeStore) -> None:
    whole = told(made, "run-1")[-1]
    facets = whole["run"]["facets"]

    assert whole["producer"] == "urn:warmstart:0.1.0"
    assert (facets["processing_engine"]["name"], facets["processing_engine"]["version"]) == (
        "warmstart",
        "0.1.0",
    )
    assert facets["executionParameters"]["parameters"] == [{"key": "head.dropout", "value": "0.5"}]
    assert facets["nominalTime"]["nominalEndTime"] == whole["eventTime"]
    location = whole["job"]["facets"]["sourceCodeLocation"]
    assert (location["url"], location["version"]) == ("git:abc123", "abc123 with changes")


def test_datasets_are_artifacts_with_version_and_schema(made: MadeStore) -> None:
    event = told(made, "run-1")[4]

    (examples,), (schema,) = event["inputs"], event["outputs"]
    place = made.output.artifacts / "Generator" / "examples" / "1"
    assert (examples["namespace"], examples["name"]) == ("file", str(place))
    assert examples["facets"]["version"]["datasetVersion"] == "sha256:aa"
    assert examples["facets"]["datasetType"]["subType"] == "Examples"
    fields = [{"name": "image", "type": "BYTES"}, {"name": "width", "type": "INT"}]
    assert schema["facets"]["schema"]["fields"] == fields
    assert schema["facets"]["version"]["datasetVersion"] == "artifact 3"
    (described, other) = told(made, "run-1")[2]["outputs"]
    assert described["facets"]["schema"]["fields"] == fields
    assert "schema" not in other["facets"]


def test_reused_component_is_marked_and_a_failed_one_tells_its_error(made: MadeStore) -> None:
    events = told(made, "run-2")

    assert kinds(events)[-3:] == [
        ("line.SchemaGen", "START"),
        ("line.SchemaGen", "FAIL"),
        ("line", "FAIL"),
    ]
    reused = events[2]["run"]["facets"]["warmstart_execution"]
    assert (reused["cached"], reused["reusedFrom"]) == (True, "run-1")
    own = told(made, "run-1")[2]["run"]["facets"]["warmstart_execution"]
    assert (own["cached"], own["reusedFrom"], own["codeDigest"]) == (False, "", "0123")
    for event in events[-2:]:
        error = event["run"]["facets"]["errorMessage"]
        assert (error["message"], error["programmingLanguage"]) == ("SchemaGen: No disk.", "PYTHON")


def test_what_goes_on_has_only_begun(made: MadeStore) -> None:
    assert kinds(told(made, "run-3")) == [("line", "START"), ("line.Generator", "START")]


def test_export_that_is_repeated_tells_the_same(made: MadeStore) -> None:
    first, second = (as_lines(told(made, "run-2")) for _ in range(2))

    assert [json.loads(line)["run"]["runId"] for line in first.splitlines()] == [
        json.loads(line)["run"]["runId"] for line in second.splitlines()
    ]


def test_remote_artifact_is_named_by_its_bucket(made: MadeStore) -> None:
    artifact = made.artifact("Examples", "remote", {})
    artifact.uri = "gs://bucket/some/folder"
    made.execution("run-4", "Generator", outputs={"examples": artifact})

    (dataset,) = told(made, "run-4")[2]["outputs"]
    assert (dataset["namespace"], dataset["name"]) == ("gs://bucket", "some/folder")


@pytest.mark.parametrize("run", ["run-1", "run-2", "run-3"])
def test_events_are_what_the_client_of_openlineage_would_send(made: MadeStore, run: str) -> None:
    """Rebuilt with its classes, which know no fields but those of the specification."""
    pytest.importorskip("openlineage.client")
    from openlineage.client import facet_v2
    from openlineage.client.event_v2 import (
        InputDataset,
        Job,
        OutputDataset,
        Run,
        RunEvent,
        RunState,
    )
    from openlineage.client.serde import Serde

    classes = {
        "nominalTime": facet_v2.nominal_time_run.NominalTimeRunFacet,
        "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
        "executionParameters": facet_v2.execution_parameters_run.ExecutionParametersRunFacet,
        "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
        "parent": facet_v2.parent_run.ParentRunFacet,
        "jobType": facet_v2.job_type_job.JobTypeJobFacet,
        "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
        "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
        "datasetType": facet_v2.dataset_type_dataset.DatasetTypeDatasetFacet,
        "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    }

    def rebuilt(facets: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, facet in facets.items():
            if name in classes:
                content = {k: v for k, v in facet.items() if k not in {"_producer", "_schemaURL"}}
                found[name] = classes[name](producer=facet["_producer"], **content)
                assert found[name]._schemaURL == facet["_schemaURL"]
        return found

    def datasets(kind: Any, found: list[dict[str, Any]]) -> list[Any]:
        return [kind(d["namespace"], d["name"], facets=rebuilt(d["facets"])) for d in found]

    for event in told(made, run):
        again = RunEvent(
            eventTime=event["eventTime"],
            eventType=RunState(event["eventType"]),
            producer=event["producer"],
            run=Run(event["run"]["runId"], facets=rebuilt(event["run"]["facets"])),
            job=Job(
                event["job"]["namespace"],
                event["job"]["name"],
                facets=rebuilt(event["job"]["facets"]),
            ),
            inputs=datasets(InputDataset, event.get("inputs", [])),
            outputs=datasets(OutputDataset, event.get("outputs", [])),
        )
        sent = json.loads(Serde.to_json(again))
        assert sent["schemaURL"] == event["schemaURL"]
        assert sent["run"]["runId"] == event["run"]["runId"]
