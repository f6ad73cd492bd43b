"""The section `kubeflow` of the configuration: where and with what the steps run on a cluster.

None of it decides what a step computes.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from pipelines.config_section import Section
from pipelines.kubeflow.vertex_config import VertexConfig
from pipelines.pinned_image import PinnedImage
from schemas.addresses import holds_password

# Where the claims are mounted; the image expects weights there.
DATA_FOLDER = "/data"
WEIGHTS_FOLDER = "/weights"
MODELS_FOLDER = "/models"

# The steps, in their order. A test holds them against the compiled pipeline.
STEPS = (
    *("PhotosFingerprint", "ImageExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator"),
    *("LatestPushedStatistics", "DistributionValidator", "Transform", "Embedder", "LabelReview"),
    *("Trainer", "LatestPushedModel", "Evaluator", "ServingValidator", "ReportGen", "Pusher"),
)

_DEFAULT = "default"

# What pods ask for, where the configuration says nothing else. A whole run on 400 photos peaks at
# 1.8 GB in one process (docs/benchmarks.md); the rest is room for more of them.
_RESOURCES: dict[str, dict[str, str]] = {
    _DEFAULT: {
        "cpu_request": "500m",
        "cpu_limit": "2",
        "memory_request": "2Gi",
        "memory_limit": "4Gi",
    },
    "ImageExampleGen": {"cpu_limit": "4", "memory_limit": "8Gi"},
    "Transform": {"cpu_limit": "4", "memory_limit": "8Gi"},
    "Embedder": {
        "cpu_request": "2",
        "cpu_limit": "8",
        "memory_request": "4Gi",
        "memory_limit": "16Gi",
    },
    "Trainer": {
        "cpu_request": "2",
        "cpu_limit": "8",
        "memory_request": "4Gi",
        "memory_limit": "16Gi",
    },
    # They import no TensorFlow.
    "PhotosFingerprint": {"memory_request": "500Mi", "memory_limit": "2Gi"},
    "LatestPushedStatistics": {"cpu_request": "100m", "memory_request": "200Mi"},
    "LatestPushedModel": {"cpu_request": "100m", "memory_request": "200Mi"},
}

_CPU = re.compile(r"\d+(\.\d{1,3})?|\d+m")
_MEMORY = re.compile(r"\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?")
_UNITS = {"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    prefix + "i": 1024.0**power for power, prefix in enumerate("KMGT", start=1)
}

# A name in Kubernetes, a key of a label, and the schemes that Kubeflow's launcher knows.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"([-a-z0-9.]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_ROOT = re.compile(r"(minio|s3|gs)://[^/]+.*")


def amount(quantity: str) -> float:
    """Returns the cores or bytes of a quantity in Kubernetes' notation, such as `500m` or `4Gi`."""
    number, unit = re.fullmatch(r"([\d.]+)(\D*)", quantity).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]


def _as_text(quantity: Any) -> Any:
    """YAML reads `2` as a number; Kubernetes wants text."""
    number = isinstance(quantity, int | float) and not isinstance(quantity, bool)
    return str(quantity) if number else quantity


def _cpu(quantity: str) -> str:
    if not _CPU.fullmatch(quantity):
        raise ValueError("no number of cores, such as '2' or '500m'")
    return quantity


def _memory(quantity: str) -> str:
    if not _MEMORY.fullmatch(quantity):
        raise ValueError("no amount of memory, such as '4Gi' or '500Mi'")
    return quantity


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("no name in Kubernetes: lower-case letters, digits, hyphens and dots")
    return name


def _label(key: str) -> str:
    if not _LABEL.fullmatch(key):
        raise ValueError("no key of a label in Kubernetes, such as nvidia.com/gpu")
    return key


def _pipeline_root(root: str) -> str:
    if not _ROOT.fullmatch(root):
        raise ValueError("no place that Kubeflow knows: minio://, s3:// or gs:// with a bucket")
    if holds_password(root):
        raise ValueError("a password in an address would be in every compiled pipeline")
    return root


Cpu = Annotated[str, BeforeValidator(_as_text), AfterValidator(_cpu)]
Memory = Annotated[str, BeforeValidator(_as_text), AfterValidator(_memory)]
Name = Annotated[str, AfterValidator(_name)]
LabelKey = Annotated[str, AfterValidator(_label)]


class Resources(Section):
    """What a pod asks for at least, and may take at most."""

    cpu_request: Cpu
    cpu_limit: Cpu
    memory_request: Memory
    memory_limit: Memory

    @model_validator(mode="after")
    def _asks_for_less_than_it_may_take(self) -> Resources:
        for kind in ("cpu", "memory"):
            request, limit = getattr(self, f"{kind}_request"), getattr(self, f"{kind}_limit")
            if amount(request) > amount(limit):
                raise ValueError(f"{kind}_request = {request} is above {kind}_limit = {limit}")
        return self


def _with_defaults(given: Any) -> Any:
    """Fills in what the given resources leave out: `default` for all, then the step's own."""
    if not isinstance(given, dict):
        return given
    if unknown := [step for step in given if step not in {_DEFAULT, *STEPS}]:
        raise ValueError(f"no step is called {unknown[0]}; they are {_DEFAULT}, {', '.join(STEPS)}")
    if strange := [step for step, values in given.items() if not isinstance(values, dict)]:
        raise ValueError(f"under {strange[0]} keys such as memory_limit are expected")
    everywhere = {**_RESOURCES[_DEFAULT], **given.get(_DEFAULT, {})}
    try:
        Resources.model_validate(everywhere)
    except ValidationError:
        return {_DEFAULT: everywhere}  # What is wrong with it is said once, not for each step.
    steps = [_DEFAULT, *(step for step in STEPS if step in _RESOURCES or step in given)]
    return {
        step: {**everywhere, **_RESOURCES[step], **given.get(step, {})}
        if step in _RESOURCES and step != _DEFAULT
        else {**everywhere, **given.get(step, {})}
        for step in steps
    }


class Toleration(Section):
    """A taint of nodes that pods put up with."""

    key: LabelKey
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class GpuConfig(Section):
    """GPUs of the steps that train and embed, and the nodes that have them."""

    count: int = Field(0, ge=0, le=16, description="Of Embedder and of Trainer, each; 0: none.")
    resource: LabelKey = Field("nvidia.com/gpu", description="What the nodes call a GPU.")
    node_selector: dict[LabelKey, str] = Field(
        {}, description="Labels of the nodes that these steps run on, where they have GPUs."
    )
    tolerations: list[Toleration] = Field(
        [Toleration(key="nvidia.com/gpu", effect="NoSchedule")],
        description="Taints of those nodes: key, operator, value, effect.",
    )


class KubeflowConfig(Section):
    """Where and with what the steps run on Kubeflow Pipelines and Vertex AI; not used elsewhere."""

    image: PinnedImage | None = Field(
        None,
        description=("The steps' image, target worker of the Dockerfile, with a tag or digest."),
    )
    pipeline_root: Annotated[str, AfterValidator(_pipeline_root)] | None = Field(
        None,
        description="Where artifacts go: minio://, s3:// or gs://; null: where Kubeflow says.",
    )
    data_claim: Name | None = Field(
        "warmstart-data",
        description=f"PersistentVolumeClaim with the photos, at {DATA_FOLDER}; null: none.",
    )
    weights_claim: Name | None = Field(
        "warmstart-weights",
        description=(
            "PersistentVolumeClaim for ImageNet weights and unfinished training, at"
            f" {WEIGHTS_FOLDER}; null: none."
        ),
    )
    models_claim: Name = Field(
        "warmstart-models",
        description=f"PersistentVolumeClaim that models are pushed to, at {MODELS_FOLDER}.",
    )
    storage_secret: Name | None = Field(
        "warmstart-storage",
        description=(
            "Secret with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and"
            " AWS_ENDPOINT_URL, as far as it is there; null: none."
        ),
    )
    image_pull_secrets: list[Name] = Field([], description="Secrets of the image's registry.")
    retries: int = Field(2, ge=0, le=10, description="Of a step that failed.")
    cache: bool = Field(True, description="Reuse what a step made of the same inputs.")
    resources: Annotated[dict[str, Resources], BeforeValidator(_with_defaults)] = Field(
        {},
        description=(
            "cpu_request, cpu_limit, memory_request, memory_limit by step, or of default; what is"
            " left out stays."
        ),
    )
    node_selector: dict[LabelKey, str] = Field(
        {}, description="Labels of the nodes that steps without GPUs run on."
    )
    gpu: GpuConfig = GpuConfig()
    vertex: VertexConfig = VertexConfig()

    def resources_of(self, step: str) -> Resources:
        """Returns what a step asks for."""
        return self.resources.get(step, self.resources[_DEFAULT])
