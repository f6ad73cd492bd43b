"""Tests of the compiled pipeline: what Kubeflow's server, Argo and Kubernetes would take."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2

from pipelines.config import load_config
from pipelines.kubeflow.config import STEPS
from pipelines.kubeflow.names import kebab
from pipelines.kubeflow.platform import platform_spec
from pipelines.kubeflow.spec import pipeline_spec
from pipelines.kubeflow.steps import Step
from pipelines.kubeflow_runner import as_yaml

# Argo's for templates and tasks, narrowed to what Kubernetes takes as the name of anything.
NAME = re.compile(r"[a-z][-a-z0-9]{0,62}")

LOOKUPS = {"photos-fingerprint", "latest-pushed-statistics", "latest-pushed-model"}


@pytest.fixture(scope="session")
def spec(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return documents[0]


@pytest.fixture(scope="session")
def tasks(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = spec["root"]["dag"]["tasks"]
    return found


def constants(task: dict[str, Any]) -> dict[str, Any]:
    """Returns the properties of a task that are fixed."""
    return {
        name: given["runtimeValue"]["constant"]
        for name, given in task["inputs"]["parameters"].items()
        if "runtimeValue" in given
    }


def texts(nested: Any) -> Iterator[str]:
    """Yields every key and text of a document."""
    if isinstance(nested, dict):
        for key, value in nested.items():
            yield key
            yield from texts(value)
    elif isinstance(nested, list):
        for value in nested:
            yield from texts(value)
    elif isinstance(nested, str):
        yield nested


def test_both_documents_are_what_kubeflow_s_protocol_says(documents: list[dict[str, Any]]) -> None:
    spec, platform = documents

    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())

    assert parsed.schema_version == "2.1.0"
    assert len(parsed.root.dag.tasks) == len(STEPS)


def test_kubeflow_s_own_client_loads_the_file(
    documents: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(as_yaml(documents))

    loaded = components.load_component_from_file(str(file))

    inputs = loaded.component_spec.inputs or {}
    assert {name: (one.type, one.default) for name, one in inputs.items()} == {
        "data": ("String", "/data"),
        "frozen_epochs": ("Integer", 10),
        "frozen_learning_rate": ("Float", 1e-4),
        "fine_tune_epochs": ("Integer", 10),
        "fine_tune_learning_rate": ("Float", 1e-5),
        "min_accuracy": ("Float", 0.8),
        "max_accuracy_drop": ("Float", 0.01),
        "min_slice_accuracy": ("Float", 0.5),
    }
    assert loaded.platform_spec.platforms["kubernetes"]


def test_all_steps_are_there_under_names_that_kubernetes_takes(
    spec: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    assert sorted(tasks) == sorted(map(kebab, STEPS))
    executors = spec["deploymentSpec"]["executors"]
    assert all(NAME.fullmatch(name) for name in (*tasks, *spec["components"], *executors))


def test_every_reference_is_to_something_that_is_there(
    spec: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    """Kubeflow's client does not look; the server's driver fails in the midst of a run."""
    executors = spec["deploymentSpec"]["executors"]
    for task in tasks.values():
        component = spec["components"][task["componentRef"]["name"]]
        assert component["executorLabel"] in executors
        inputs = component["inputDefinitions"]
        assert set(task["inputs"]["parameters"]) == set(inputs["parameters"])
        assert set(task["inputs"].get("artifacts", {})) == set(inputs.get("artifacts", {}))
        used = set()
        for given in task["inputs"].get("artifacts", {}).values():
            source = given["taskOutputArtifact"]
            used.add(source["producerTask"])
            outputs = spec["components"][f"comp-{source['producerTask']}"]["outputDefinitions"]
            assert source["outputArtifactKey"] in outputs["artifacts"]
        for given in task["inputs"]["parameters"].values():
            if "componentInputParameter" in given:
                root = spec["root"]["inputDefinitions"]["parameters"]
                assert given["componentInputParameter"] in root
            elif source := given.get("taskOutputParameter"):
                used.add(source["producerTask"])
                outputs = spec["components"][f"comp-{source['producerTask']}"]["outputDefinitions"]
                assert source["outputParameterKey"] in outputs["parameters"]
        assert used <= set(task.get("dependentTasks", ()))


def test_only_what_is_looked_up_runs_each_time(tasks: dict[str, dict[str, Any]]) -> None:
    cached = {name for name, task in tasks.items() if "cachingOptions" in task}

    assert set(tasks) - cached == LOOKUPS


def test_what_is_looked_up_travels_as_text_that_the_cache_sees(
    tasks: dict[str, dict[str, Any]],
) -> None:
    """An artifact would have a new id in each run, and nothing after it would be reused."""
    found = {
        (name, key): given["taskOutputParameter"]["producerTask"]
        for name, task in tasks.items()
        for key, given in task["inputs"]["parameters"].items()
        if "taskOutputParameter" in given
    }

    assert found == {
        ("image-example-gen", "input_fingerprint"): "photos-fingerprint",
        ("distribution-validator", "baseline_statistics"): "latest-pushed-statistics",
        ("evaluator", "baseline_model"): "latest-pushed-model",
    }


def test_properties_are_those_of_the_local_pipeline(
    spec: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    trainer, evaluator = constants(tasks["trainer"]), constants(tasks["evaluator"])

    assert json.loads(trainer["custom_config"])["frozen"]["epochs"] == 10
    assert trainer["run_fn"] == "components.trainer.run_fn.run_fn"
    assert json.loads(evaluator["thresholds"])["accuracy"]["min"] == 0.8
    assert evaluator["split"] == "auto"
    assert "registry.example.org" not in constants(tasks["report-gen"])["configuration"]
    assert "/models" in constants(tasks["pusher"])["push_destination"]


def test_artifacts_are_named_by_type(spec: dict[str, Any]) -> None:
    titles = {
        output["artifactType"]["schemaTitle"]
        for component in spec["components"].values()
        for output in component["outputDefinitions"].get("artifacts", {}).values()
    }

    assert {"tfx.Examples", "tfx.Model", "warmstart.Embeddings", "warmstart.Report"} <= titles
    assert {"system.Metrics", "system.ClassificationMetrics", "system.HTML"} <= titles
    assert all(re.fullmatch(r"(tfx|warmstart|system)\.[A-Z]\w+", title) for title in titles)


def test_gpus_are_for_the_steps_that_can_use_them(documents: list[dict[str, Any]]) -> None:
    spec, platform = documents
    containers = spec["deploymentSpec"]["executors"]
    nodes = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    on_gpu = {
        name for name, one in containers.items() if "accelerator" in one["container"]["resources"]
    }

    assert on_gpu == {"exec-embedder", "exec-trainer"}
    for name, placed in nodes.items():
        tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        labels = {"example.org/accelerator": "gpu"}
        if name in on_gpu:
            assert (placed["tolerations"], placed["nodeSelector"]["labels"]) == (
                tolerations,
                labels,
            )
        else:
            assert "tolerations" not in placed
            assert placed["nodeSelector"]["labels"] == {"kubernetes.io/arch": "amd64"}


def test_each_step_mounts_what_it_needs_and_nothing_else(documents: list[dict[str, Any]]) -> None:
    nodes = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounted = {
        (name.removeprefix("exec-"), mount["mountPath"], mount["constant"])
        for name, placed in nodes.items()
        for mount in placed.get("pvcMount", ())
    }

    assert mounted == {
        ("photos-fingerprint", "/data", "warmstart-data"),
        ("image-example-gen", "/data", "warmstart-data"),
        ("embedder", "/weights", "warmstart-weights"),
        ("trainer", "/weights", "warmstart-weights"),
        ("latest-pushed-statistics", "/models", "warmstart-models"),
        ("distribution-validator", "/models", "warmstart-models"),
        ("latest-pushed-model", "/models", "warmstart-models"),
        ("evaluator", "/models", "warmstart-models"),
        ("pusher", "/models", "warmstart-models"),
    }


def test_every_container_has_image_command_resources_and_retries(
    spec: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    for executor in spec["deploymentSpec"]["executors"].values():
        container = executor["container"]
        assert container["image"] == "registry.example.org/warmstart-worker:0.1.0"
        assert container["command"] == ["python", "-m", "pipelines.kubeflow_entrypoint"]
        assert {"resourceCpuLimit", "resourceMemoryRequest"} <= set(container["resources"])
    assert {task["retryPolicy"]["maxRetryCount"] for task in tasks.values()} == {2}
    trainer = spec["deploymentSpec"]["executors"]["exec-trainer"]["container"]["resources"]
    assert (trainer["resourceMemoryLimit"], trainer["memoryLimit"]) == ("32Gi", 32 * 2**30 / 1e9)


def test_no_text_is_taken_for_a_template_by_argo(documents: list[dict[str, Any]]) -> None:
    """Argo and the launcher fill in what stands between two braces; only one place is meant."""
    found = {text for document in documents for text in texts(document) if "{{" in text}

    assert found == {"{{$}}"}


def test_killed_trainer_finds_its_backups_on_the_claim(spec: dict[str, Any]) -> None:
    variables = {
        name: executor["container"]["env"]
        for name, executor in spec["deploymentSpec"]["executors"].items()
        if "env" in executor["container"]
    }

    assert variables == {
        "exec-trainer": [{"name": "WARMSTART_BACKUPS", "value": "/weights/.backups"}]
    }


STEP = Step("Embedder", "a.B", properties={"seed": 1, "share": 1.0}, inputs={}, outputs={})


def written(*overrides: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Returns task, container and part for Kubernetes of a step under other settings."""
    settings = load_config(None, ["kubeflow.image=worker:1", *overrides]).kubeflow
    spec = pipeline_spec("name", [STEP], {}, settings=settings)
    platform = platform_spec([STEP.id], settings)["platforms"]["kubernetes"]["deploymentSpec"]
    return (
        spec["root"]["dag"]["tasks"]["embedder"],
        spec["deploymentSpec"]["executors"]["exec-embedder"]["container"],
        platform["executors"]["exec-embedder"],
    )


def test_without_gpus_none_is_asked_for_and_no_taint_is_put_up_with() -> None:
    _, container, placed = written("kubeflow.node_selector={disk: fast}")

    assert "accelerator" not in container["resources"]
    assert "tolerations" not in placed
    assert placed["nodeSelector"] == {"labels": {"disk": "fast"}}


def test_cache_retries_claims_and_secret_can_be_left_out() -> None:
    task, container, placed = written(
        "kubeflow.cache=false",
        "kubeflow.retries=0",
        "kubeflow.weights_claim=null",
        "kubeflow.storage_secret=null",
    )

    assert "cachingOptions" not in task
    assert "retryPolicy" not in task
    assert "env" not in container
    assert placed == {}


def test_pipeline_root_is_kubeflow_s_unless_it_is_set(documents: list[dict[str, Any]]) -> None:
    settings = load_config(None, ["kubeflow.image=worker:1"]).kubeflow

    assert "defaultPipelineRoot" not in pipeline_spec("name", [STEP], {}, settings=settings)
    assert documents[0]["defaultPipelineRoot"] == "s3://warmstart-artifacts/runs"
