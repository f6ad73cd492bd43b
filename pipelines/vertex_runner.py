"""Compiles the pipeline for Vertex AI Pipelines.

The command line calls `check_target` and `compile_job`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.config import PipelineConfig
from pipelines.folders import OutputFolders
from pipelines.kubeflow.compiled_file import write_file
from pipelines.kubeflow.config import KubeflowConfig
from pipelines.kubeflow.uris import local_path
from pipelines.kubeflow.vertex_config import in_cloud_storage
from pipelines.kubeflow_runner import check_image
from schemas.errors import ConfigError, printable

_SUFFIX = ".json"

_SLASHES_OF_BUCKET = 2

# A line that holds a number with an exponent and without a dot, of JSON with a line for each.
_NO_DOT = re.compile(r'^( *(?:"[^"]*": )?-?\d+)(e[-+]\d+,?)$', re.MULTILINE)

# What a machine of Google's may have.
_GPU_COUNTS = (0, 1, 2, 4, 8, 16)


@dataclass(frozen=True)
class _ModelsOnly(OutputFolders):
    """The folder of pushed models: Vertex AI keeps artifacts and metadata."""

    @property
    def models(self) -> Path:
        return self.root


def check_target(config: PipelineConfig, *, data: str | None = None) -> str:
    """Finds mistakes before TensorFlow is imported; returns where the photos are.

    Args:
        config: of the pipeline.
        data: where the photos are, in Cloud Storage.

    Raises:
        ConfigError: if Vertex AI could not pull the image, or photos, artifacts or models have no
            place in Cloud Storage, or no machine has so many GPUs.
    """
    settings = config.kubeflow
    image = check_image(config)
    if "/" not in image:
        raise ConfigError(
            f"Configuration: kubeflow.image = {image} is in no registry, and Vertex AI pulls from "
            f"Artifact Registry; push it there, and name it as REGION-docker.pkg.dev/PROJECT/"
            f"REPOSITORY/{image}."
        )
    _check_places(settings)
    if settings.gpu.count not in _GPU_COUNTS:
        raise ConfigError(
            f"Configuration: kubeflow.gpu.count = {settings.gpu.count}: Vertex AI has machines "
            f"with {', '.join(map(str, _GPU_COUNTS[1:-1]))} or {_GPU_COUNTS[-1]} GPUs; choose one "
            "of these, or 0."
        )
    return _checked_data(data)


def check_file(file: Path) -> None:
    """Finds, before TensorFlow is imported, that a file is not named as what it is.

    Raises:
        ConfigError: if its name does not end in `.json`.
    """
    if file.suffix != _SUFFIX:
        raise ConfigError(
            f"--output {file}: Vertex AI takes a job as JSON; name a file that ends in {_SUFFIX}."
        )


def compile_job(config: PipelineConfig, *, data: str | None = None) -> dict[str, Any]:
    """Returns the job: a PipelineJob with the PipelineSpec in it.

    Args:
        config: of the pipeline.
        data: as of `check_target`.

    Raises:
        ConfigError: as `check_target`.
        ModelError: if a weight file that the configuration names cannot be read here.
    """
    place = check_target(config, data=data)
    from pipelines.image_pipeline import create_pipeline
    from pipelines.kubeflow.baselines import pushed_to
    from pipelines.kubeflow.parameters import offered
    from pipelines.kubeflow.steps import steps_of
    from pipelines.kubeflow.vertex_job import pipeline_job

    # Its containers see Cloud Storage as folders, and versions of models are told by folders.
    models = local_path(str(config.kubeflow.vertex.models))
    pipeline = create_pipeline(
        config, data=place, output=_ModelsOnly(Path(models)), baselines=pushed_to(models)
    )
    steps = steps_of(pipeline, split=config.evaluate.split)
    return pipeline_job(config.name, steps, offered(config, place), settings=config.kubeflow)


def as_json(job: dict[str, Any]) -> str:
    """Returns the text of a compiled file, the same job to whoever reads it as YAML.

    Google's client does, by version 1.1, which takes 1e-05 for text for want of a dot.
    """
    text = json.dumps(job, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return _NO_DOT.sub(r"\1.0\2", text) + "\n"


def write_compiled(job: dict[str, Any], file: Path) -> None:
    """Writes a compiled file, whole or not at all.

    Raises:
        ConfigError: if it cannot be written.
    """
    write_file(as_json(job), file)


def _check_places(settings: KubeflowConfig) -> None:
    if settings.pipeline_root is None:
        raise ConfigError(
            "Configuration: kubeflow.pipeline_root is not set; name where in Cloud Storage "
            "artifacts go, such as gs://bucket/runs."
        )
    # Google's client refuses a bucket without a folder, when a job is submitted.
    is_folder = settings.pipeline_root.rstrip("/").count("/") > _SLASHES_OF_BUCKET
    if not (in_cloud_storage(settings.pipeline_root) and is_folder):
        raise ConfigError(
            f"Configuration: kubeflow.pipeline_root = {printable(settings.pipeline_root)}: Vertex "
            "AI keeps artifacts in a folder in Cloud Storage; name one such as gs://bucket/runs."
        )
    if settings.vertex.models is None:
        raise ConfigError(
            "Configuration: kubeflow.vertex.models is not set; name where in Cloud Storage models "
            "are pushed to, such as gs://bucket/models."
        )


def _checked_data(data: str | None) -> str:
    if data is None:
        raise ConfigError(
            "--data is not given; name where in Cloud Storage the photos are, such as "
            "gs://bucket/photos."
        )
    if not in_cloud_storage(data):
        raise ConfigError(
            f"--data {printable(data)}: Vertex AI mounts no folder of yours; copy the photos to "
            "Cloud Storage, and name the place, such as gs://bucket/photos."
        )
    return data
