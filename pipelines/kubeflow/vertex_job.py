"""Makes of the PipelineSpec the PipelineJob that Vertex AI takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.kubeflow.config import KubeflowConfig, amount
from pipelines.kubeflow.names import executor_label
from pipelines.kubeflow.parameters import RuntimeParameter
from pipelines.kubeflow.spec import GPU_STEPS, pipeline_spec
from pipelines.kubeflow.steps import Property, Step


def pipeline_job(
    name: str,
    steps: Iterable[Step],
    parameters: Mapping[RuntimeParameter, Property],
    *,
    settings: KubeflowConfig,
) -> dict[str, Any]:
    """Returns the whole job, ready to be written as JSON.

    Args:
        name: of the pipeline.
        steps: in their order.
        parameters: of the pipeline, each with its default.
        settings: where and with what the steps run; `image` and `pipeline_root` are set.
    """
    steps = list(steps)
    root = settings.pipeline_root or ""
    # The job says where artifacts go. No claim is mounted: whatever a step leaves beside its
    # outputs, in Cloud Storage, is there when it is tried again.
    shared = settings.model_copy(update={"pipeline_root": None, "weights_claim": None})
    spec = pipeline_spec(name, steps, parameters, settings=shared)
    executors = spec["deploymentSpec"]["executors"]
    for step in steps:
        executors[executor_label(step.id)]["container"]["resources"] = _resources(step.id, settings)
    return {
        "displayName": name,
        "pipelineSpec": spec,
        "runtimeConfig": {
            "gcsOutputDirectory": root.rstrip("/"),
            "parameterValues": {
                parameter.name: default for parameter, default in parameters.items()
            },
        },
    }


def _resources(step: str, settings: KubeflowConfig) -> dict[str, Any]:
    """Returns the most that a step may take: from that, Vertex AI chooses the machine."""
    wanted = settings.resources_of(step)
    resources: dict[str, Any] = {
        "cpuLimit": amount(wanted.cpu_limit),
        # Gigabytes of ten to the ninth.
        "memoryLimit": amount(wanted.memory_limit) / 1e9,
    }
    if step in GPU_STEPS and settings.gpu.count:
        resources["accelerator"] = {
            "type": settings.vertex.accelerator,
            "count": str(settings.gpu.count),
        }
    return resources
