"""Writes the steps as a PipelineSpec 2.1.0, as open-source Kubeflow Pipelines v2 reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import tfx

from components.trainer.executor import BACKUPS_VARIABLE
from pipelines.kubeflow.config import (
    WEIGHTS_FOLDER,
    GpuConfig,
    KubeflowConfig,
    Resources,
    amount,
)
from pipelines.kubeflow.names import executor_label, kebab
from pipelines.kubeflow.parameters import Place, RuntimeParameter, places_in
from pipelines.kubeflow.shown import SHOWN
from pipelines.kubeflow.steps import Property, Source, Step

_SCHEMA_VERSION = "2.1.0"
_TYPE_VERSION = "0.0.1"
_COMMAND = ["python", "-m", "pipelines.kubeflow_entrypoint"]

TRAINER = "Trainer"

# Those that can use GPUs.
GPU_STEPS = frozenset({"Embedder", TRAINER})

# On the claim that is there for training, whatever becomes of a pod.
_BACKUPS_FOLDER = f"{WEIGHTS_FOLDER}/.backups"

# Seconds before a step is tried again; each wait is twice the one before.
_FIRST_WAIT = "30s"
_LONGEST_WAIT = "600s"

# The types that Kubeflow has of TFX, by the module of TFX that has them.
_STANDARD = "tfx.types.standard_artifacts."


def pipeline_spec(
    name: str,
    steps: Iterable[Step],
    parameters: Mapping[RuntimeParameter, Property],
    *,
    settings: KubeflowConfig,
) -> dict[str, Any]:
    """Returns the whole specification, ready to be written as YAML.

    Args:
        name: of the pipeline.
        steps: in their order.
        parameters: of the pipeline, each with its default.
        settings: where and with what the steps run; `image` is set.
    """
    steps = list(steps)
    spec: dict[str, Any] = {
        "pipelineInfo": {
            "name": name,
            "description": "Trains, evaluates and pushes an image classifier.",
        },
        "schemaVersion": _SCHEMA_VERSION,
        "sdkVersion": f"tfx-{tfx.__version__}",
        "root": {
            "dag": {"tasks": {kebab(s.id): _task(s, parameters, settings) for s in steps}},
            "inputDefinitions": {
                "parameters": {
                    parameter.name: {
                        "parameterType": parameter.kind,
                        "defaultValue": default,
                        "description": f"{parameter.meaning}.",
                    }
                    for parameter, default in parameters.items()
                }
            },
        },
        "components": {f"comp-{kebab(s.id)}": _component(s, parameters) for s in steps},
        "deploymentSpec": {
            "executors": {
                executor_label(s.id): {"container": _container(s, parameters, settings)}
                for s in steps
            }
        },
    }
    if settings.pipeline_root:
        spec["defaultPipelineRoot"] = settings.pipeline_root
    return spec


def _task(
    step: Step, parameters: Mapping[RuntimeParameter, Property], settings: KubeflowConfig
) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        name: {"runtimeValue": {"constant": value}} for name, value in step.properties.items()
    }
    inputs |= {
        place.property if not place.path else parameter.name: {
            "componentInputParameter": parameter.name
        }
        for parameter, place in _taken(step, parameters)
    }
    inputs |= {
        name: {
            "taskOutputParameter": {
                "producerTask": kebab(source.step),
                "outputParameterKey": source.output,
            }
        }
        for name, source in step.inputs.items()
        if source.found
    }
    task: dict[str, Any] = {
        "taskInfo": {"name": step.id},
        "componentRef": {"name": f"comp-{kebab(step.id)}"},
        "inputs": {"parameters": inputs},
    }
    if artifacts := {n: _from(source) for n, source in step.inputs.items() if not source.found}:
        task["inputs"]["artifacts"] = artifacts
    if step.after:
        task["dependentTasks"] = [kebab(other) for other in step.after]
    if settings.cache and not step.is_lookup:
        task["cachingOptions"] = {"enableCache": True}
    if settings.retries:
        task["retryPolicy"] = {
            "maxRetryCount": settings.retries,
            "backoffDuration": _FIRST_WAIT,
            "backoffFactor": 2.0,
            "backoffMaxDuration": _LONGEST_WAIT,
        }
    return task


def _from(source: Source) -> dict[str, Any]:
    return {
        "taskOutputArtifact": {
            "producerTask": kebab(source.step),
            "outputArtifactKey": source.output,
        }
    }


def _component(step: Step, parameters: Mapping[RuntimeParameter, Property]) -> dict[str, Any]:
    kinds = _kinds(step, parameters)
    artifacts = {
        name: {"artifactType": _type(step.types[name])}
        for name, source in step.inputs.items()
        if not source.found
    }
    outputs: dict[str, Any] = {}
    if step.is_lookup:
        outputs["parameters"] = {name: {"parameterType": "STRING"} for name in step.outputs}
    else:
        shown = SHOWN.get(step.id, {})
        outputs["artifacts"] = {
            **{name: {"artifactType": _type(path)} for name, path in step.outputs.items()},
            **{name: {"artifactType": _titled(title)} for name, title in shown.items()},
        }
    return {
        "executorLabel": executor_label(step.id),
        "inputDefinitions": {
            "parameters": {name: {"parameterType": kind} for name, kind in kinds.items()},
            **({"artifacts": artifacts} if artifacts else {}),
        },
        "outputDefinitions": outputs,
    }


def _container(
    step: Step, parameters: Mapping[RuntimeParameter, Property], settings: KubeflowConfig
) -> dict[str, Any]:
    interface = {
        "parameters": _kinds(step, parameters),
        "types": {**step.types, **({} if step.is_lookup else step.outputs)},
    }
    gpu = settings.gpu if step.id in GPU_STEPS else None
    # A pod that is taken away leaves nothing; the next try goes on with the next epoch.
    kept = settings.weights_claim is not None and step.id == TRAINER
    variables = [{"name": BACKUPS_VARIABLE, "value": _BACKUPS_FOLDER}] if kept else []
    return {
        "image": settings.image,
        "command": _COMMAND,
        "args": [
            *("--step", step.id),
            *("--executor", step.executor),
            *("--interface", json.dumps(interface, sort_keys=True)),
            *("--executor_input", "{{$}}"),
            *step.flags,
        ],
        "resources": _resources(settings.resources_of(step.id), gpu),
        **({"env": variables} if variables else {}),
    }


def _kinds(step: Step, parameters: Mapping[RuntimeParameter, Property]) -> dict[str, str]:
    """Returns the type of each parameter that a step is handed."""
    return {
        **{name: _kind(value) for name, value in step.properties.items()},
        **{p.name: p.kind for p, place in _taken(step, parameters) if place.path},
        **{name: "STRING" for name, source in step.inputs.items() if source.found},
    }


def _taken(
    step: Step, parameters: Mapping[RuntimeParameter, Property]
) -> Iterable[tuple[RuntimeParameter, Place]]:
    return [(p, place) for p, place in places_in(step.id) if p in parameters]


def _kind(value: Property) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "NUMBER_INTEGER"
    return "NUMBER_DOUBLE" if isinstance(value, float) else "STRING"


def _type(path: str) -> dict[str, str]:
    """Returns how Kubeflow names the type of an artifact; ours are told by their namespace."""
    namespace = "tfx" if path.startswith(_STANDARD) else "warmstart"
    return _titled(f"{namespace}.{path.rsplit('.', 1)[-1]}")


def _titled(title: str) -> dict[str, str]:
    return {"schemaTitle": title, "schemaVersion": _TYPE_VERSION}


def _resources(wanted: Resources, gpu: GpuConfig | None) -> dict[str, Any]:
    """Returns what a pod asks for, twice: older servers know numbers only, newer ones text."""
    resources: dict[str, Any] = {
        "resourceCpuRequest": wanted.cpu_request,
        "resourceCpuLimit": wanted.cpu_limit,
        "resourceMemoryRequest": wanted.memory_request,
        "resourceMemoryLimit": wanted.memory_limit,
        "cpuRequest": amount(wanted.cpu_request),
        "cpuLimit": amount(wanted.cpu_limit),
        # Gigabytes of ten to the ninth.
        "memoryRequest": amount(wanted.memory_request) / 1e9,
        "memoryLimit": amount(wanted.memory_limit) / 1e9,
    }
    if gpu and gpu.count:
        resources["accelerator"] = {
            "resourceType": gpu.resource,
            "resourceCount": str(gpu.count),
            "type": gpu.resource,
            "count": str(gpu.count),
        }
    return resources
