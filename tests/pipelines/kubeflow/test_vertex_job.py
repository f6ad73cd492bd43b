"""Tests of the job for Vertex AI: what Google's client and Vertex AI Pipelines would take."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.auth.credentials import AnonymousCredentials
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipelines.config import load_config
from pipelines.kubeflow.config import STEPS
from pipelines.kubeflow.names import kebab
from pipelines.kubeflow.spec import pipeline_spec
from pipelines.kubeflow.steps import Step
from pipelines.kubeflow.vertex_config import VertexConfig
from pipelines.kubeflow.vertex_job import pipeline_job
from pipelines.vertex_runner import as_json

NAME = re.compile(r"[a-z][-a-z0-9]{0,127}")

PARAMETERS = {
    "data": "gs://example-bucket/photos",
    "frozen_epochs": 10,
    "frozen_learning_rate": 1e-4,
    "fine_tune_epochs": 10,
    "fine_tune_learning_rate": 1e-5,
    "min_accuracy": 0.8,
    "max_accuracy_drop": 0.01,
    "min_slice_accuracy": 0.5,
}


@pytest.fixture(scope="module")
def spec(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["pipelineSpec"]
    return found


@pytest.fixture(scope="module")
def tasks(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = spec["root"]["dag"]["tasks"]
    return found


@pytest.fixture(scope="module")
def containers(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    executors = spec["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): one["container"] for name, one in executors.items()}


def submitted(file: Path, **given: Any) -> Any:
    """Returns what Google's client would send; it reads the file, and asks nobody."""
    from google.cloud import aiplatform

    loaded = aiplatform.PipelineJob(
        display_name="photos",
        template_path=str(file),
        project="example-project",
        location="europe-west4",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        **given,
    )
    assert NAME.fullmatch(loaded.job_id)
    return loaded.to_dict()


def test_google_s_client_reads_the_job_as_it_is(job: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "vertex.json"
    file.write_text(as_json(job), encoding="utf-8")

    sent = submitted(file)

    assert sent["runtimeConfig"] == {
        "gcsOutputDirectory": "gs://example-bucket/runs",
        "parameterValues": PARAMETERS,
    }
    assert sent["pipelineSpec"] == job["pipelineSpec"]


def test_parameters_and_root_can_be_chosen_when_a_job_is_started(
    job: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "vertex.json"
    file.write_text(as_json(job), encoding="utf-8")

    sent = submitted(file, parameter_values={"frozen_epochs": 3}, pipeline_root="gs://other")

    assert sent["runtimeConfig"] == {
        "gcsOutputDirectory": "gs://other",
        "parameterValues": {**PARAMETERS, "frozen_epochs": 3},
    }


def test_file_is_a_pipeline_job_to_the_api(job: dict[str, Any]) -> None:
    from google.cloud.aiplatform_v1.types import PipelineJob

    parsed = json_format.Parse(as_json(job), PipelineJob.pb()())

    assert parsed.display_name == "warmstart"
    assert parsed.runtime_config.gcs_output_directory == "gs://example-bucket/runs"


def test_spec_is_what_the_protocol_says(spec: dict[str, Any]) -> None:
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    deployed = json_format.ParseDict(
        spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig()
    )

    assert parsed.schema_version == "2.1.0"
    assert len(parsed.root.dag.tasks) == len(deployed.executors) == len(STEPS)


@pytest.mark.parametrize("number", [1e-05, -3e-7, 1.5e-9, 1e22, 2e300, 0.1, 7, 1.0])
def test_numbers_are_the_same_to_readers_of_json_and_of_yaml(number: float) -> None:
    """Google's client reads YAML 1.1, where 1e-05 is text."""
    job = {"text": "a: 1e-05", "1e-05": number, "nested": [number, "1e-05", '"a": 1e-05']}

    written = as_json(job)

    assert json.loads(written) == job
    assert yaml.safe_load(written) == job


def test_references_are_those_of_the_pipeline_for_kubeflow(
    spec: dict[str, Any], tasks: dict[str, dict[str, Any]], documents: list[dict[str, Any]]
) -> None:
    """Each of which is held against what it refers to in the tests of that one."""
    others = documents[0]["root"]["dag"]["tasks"]

    assert sorted(tasks) == sorted(map(kebab, STEPS))
    assert all(NAME.fullmatch(name) for name in (*tasks, spec["pipelineInfo"]["name"]))
    assert references(tasks) == references(others)
    assert spec["components"] == documents[0]["components"]
    assert set(spec["deploymentSpec"]["executors"]) == {
        component["executorLabel"] for component in spec["components"].values()
    }


def references(tasks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Returns of each task what it refers to: component, other tasks, parameters."""
    return {
        name: {
            "component": task["componentRef"],
            "after": task.get("dependentTasks"),
            "artifacts": task["inputs"].get("artifacts"),
            "parameters": {
                key: given
                for key, given in task["inputs"]["parameters"].items()
                if "runtimeValue" not in given
            },
        }
        for name, task in tasks.items()
    }


def test_containers_ask_for_limits_and_accelerators_and_mount_nothing(
    containers: dict[str, dict[str, Any]],
) -> None:
    resources = {name: container["resources"] for name, container in containers.items()}

    assert resources["trainer"] == {
        "cpuLimit": 8.0,
        "memoryLimit": 32 * 2**30 / 1e9,
        "accelerator": {"type": "NVIDIA_TESLA_T4", "count": "1"},
    }
    assert resources["pusher"] == {"cpuLimit": 2.0, "memoryLimit": 4 * 2**30 / 1e9}
    assert {name for name, one in resources.items() if "accelerator" in one} == {
        "embedder",
        "trainer",
    }
    held = {"image", "command", "args", "resources"}
    assert all(set(container) == held for container in containers.values())


def test_photos_artifacts_and_models_lie_in_cloud_storage(
    job: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    destination = json.dumps("/gcs/example-bucket/models")
    pusher = tasks["pusher"]["inputs"]["parameters"]["push_destination"]

    assert destination in pusher["runtimeValue"]["constant"]
    for lookup in ("latest-pushed-model", "latest-pushed-statistics"):
        models = tasks[lookup]["inputs"]["parameters"]["models"]
        assert models == {"runtimeValue": {"constant": "/gcs/example-bucket/models"}}
    # Of the claims on Kubernetes.
    text = as_json(job)
    assert not [folder for folder in ('"/models', '"/data', '"/weights') if folder in text]


def test_steps_are_tried_again_and_reused_as_on_kubeflow(
    tasks: dict[str, dict[str, Any]], documents: list[dict[str, Any]]
) -> None:
    others = documents[0]["root"]["dag"]["tasks"]

    for key in ("retryPolicy", "cachingOptions"):
        assert {n: t.get(key) for n, t in tasks.items()} == {
            n: t.get(key) for n, t in others.items()
        }


def test_without_gpus_no_accelerator_is_asked_for() -> None:
    settings = load_config(None, ["kubeflow.image=worker:1"]).kubeflow
    step = Step("Trainer", "a.B", properties={}, inputs={}, outputs={})

    job = pipeline_job("name", [step], {}, settings=settings)

    container = job["pipelineSpec"]["deploymentSpec"]["executors"]["exec-trainer"]["container"]
    assert set(container["resources"]) == {"cpuLimit", "memoryLimit"}
    kubeflow = pipeline_spec("name", [step], {}, settings=settings)
    assert "env" in kubeflow["deploymentSpec"]["executors"]["exec-trainer"]["container"]
    assert "env" not in container


@pytest.mark.parametrize("name", [VertexConfig().accelerator, "NVIDIA_L4", "NVIDIA_A100_80GB"])
def test_accelerators_are_those_of_the_api(name: str) -> None:
    from google.cloud.aiplatform_v1.types import AcceleratorType

    assert name in AcceleratorType.__members__
    assert VertexConfig(accelerator=name).accelerator == name
