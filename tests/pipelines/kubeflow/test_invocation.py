"""Tests of reading what the launcher tells a step."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.kubeflow.invocation import Handed, Invocation, parse

MODEL = "tfx.types.standard_artifacts.Model"


def read(inputs: dict[str, Any], outputs: dict[str, Any], **interface: Any) -> Invocation:
    """Reads the arguments of a Trainer."""
    return parse(
        [
            *("--step", "LatestPushedModel", "--executor", "a.b.C"),
            *("--interface", json.dumps({"parameters": {}, "types": {}, **interface})),
            *("--executor_input", json.dumps({"inputs": inputs, "outputs": outputs})),
            *("--runner=FnApiRunner", "--sdk_container_image=none"),
        ]
    )


def artifact(uri: str, **more: Any) -> dict[str, Any]:
    return {"artifacts": [{"uri": uri, **more}]}


def test_what_stands_in_the_arguments_is_read() -> None:
    told = read(
        {"artifacts": {"model": artifact("s3://b/m", name="7", metadata={"stage": "frozen"})}},
        {"outputFile": "/told/o.json", "artifacts": {"report": artifact("s3://b/r")}},
        types={"model": MODEL},
    )

    assert told.inputs == {"model": [Handed("7", "s3://b/m", "/s3/b/m", {"stage": "frozen"})]}
    assert told.outputs == {"report": Handed("", "s3://b/r", "/s3/b/r")}
    assert told.types == {"model": MODEL}
    assert told.output_file == "/told/o.json"
    assert told.flags == ["--runner=FnApiRunner", "--sdk_container_image=none"]


@pytest.mark.parametrize(
    ("kind", "handed", "value"),
    [
        ("NUMBER_INTEGER", 10.0, 10),
        ("NUMBER_INTEGER", 10, 10),
        ("NUMBER_DOUBLE", 1, 1.0),
        ("STRING", "1", "1"),
        ("BOOLEAN", True, True),
    ],
)
def test_parameters_have_the_types_that_the_compiler_saw(
    kind: str, handed: Any, value: Any
) -> None:
    told = read(
        {"parameterValues": {"one": handed}}, {"outputFile": "/o"}, parameters={"one": kind}
    )

    assert told.parameters == {"one": value}
    assert type(told.parameters["one"]) is type(value)


def test_launcher_s_own_output_for_logs_is_no_artifact_of_the_step() -> None:
    outputs = {"executor-logs": artifact("minio://b/executor-logs")}

    assert read({}, {"outputFile": "/o", "artifacts": outputs}).outputs == {}


def test_custom_path_goes_before_the_address() -> None:
    outputs = {"report": artifact("oci://a", customPath="/elsewhere")}

    told = read({}, {"outputFile": "/o", "artifacts": outputs})

    assert told.outputs["report"].path == "/elsewhere"


@pytest.mark.parametrize(
    ("uri", "run_id"),
    [
        ("minio://b/v2/artifacts/warmstart/8f2d/latest-pushed-model/salt/model", "8f2d"),
        ("minio://b/warmstart/8f2d/latest-pushed-model/model", "8f2d"),
        ("gs://b/runs/1234/warmstart-2026/latest-pushed-model_-5678/model", "warmstart-2026"),
        ("gs://b/runs/1234/warmstart-2026/LatestPushedModel_5678/model", "warmstart-2026"),
        ("/somewhere/else", None),
    ],
)
def test_run_is_the_part_of_an_output_s_address_before_the_step(
    uri: str, run_id: str | None
) -> None:
    assert read({}, {"outputFile": "/o", "artifacts": {"m": artifact(uri)}}).run_id == run_id


def test_vertex_hands_over_types_and_names_of_resources() -> None:
    """Types are those that the compiler saw; numbers of 64 bits are no ids to TFX."""
    name = "projects/1234/locations/europe-west4/metadataStores/default/artifacts/17446744073709551"
    given = artifact("gs://b/m", name=name, type={"schemaTitle": "tfx.Model"})

    told = read(
        {"artifacts": {"model": given}},
        {"outputFile": "gs://b/told.json", "artifacts": {"report": artifact("gs://b/r")}},
        types={"model": MODEL},
    )

    assert told.inputs == {"model": [Handed(name, "gs://b/m", "/gcs/b/m")]}
    assert told.outputs == {"report": Handed("", "gs://b/r", "/gcs/b/r")}
    assert told.output_file == "/gcs/b/told.json"
