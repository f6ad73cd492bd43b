"""Compiles the pipeline for Kubeflow Pipelines v2.

The command line calls `check_target` and `compile_pipeline`. As a program it compiles the
configuration of a file:

    python -m pipelines.kubeflow_runner pipeline.yaml warmstart-kubeflow.yaml
"""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from components.dataset.storage import is_remote
from pipelines.config import PipelineConfig, load_config
from pipelines.folders import OutputFolders
from pipelines.kubeflow.compiled_file import write_file
from pipelines.kubeflow.config import DATA_FOLDER, MODELS_FOLDER
from schemas.errors import ConfigError, printable

# Kubernetes allows 63 characters, and Kubeflow adds a hyphen and five of its own for each run.
_LONGEST_NAME = 57

# What TensorFlow reads in a pod without a volume.
_READABLE = "gs://"

_SUFFIXES = (".yaml", ".yml")

_HEADER = """\
# The pipeline {name} for Kubeflow Pipelines v2: a PipelineSpec 2.1.0, then what only Kubernetes
# knows. Written by `warmstart pipeline compile --engine kubeflow`; change the configuration, and
# compile again.
"""


def check_target(config: PipelineConfig, *, data: str | None = None) -> str:
    """Finds mistakes before TensorFlow is imported; returns where the photos are for the pods.

    Args:
        config: of the pipeline.
        data: where the photos are, as the pods see it; by default where their claim is mounted.

    Raises:
        ConfigError: if Kubernetes would not take the name, no image is named, or no pod could
            see the photos.
    """
    if len(config.name) > _LONGEST_NAME:
        raise ConfigError(
            f"Configuration: name = {config.name} has {len(config.name)} characters; Kubeflow adds "
            f"six for each run and Kubernetes allows 63, so shorten it to {_LONGEST_NAME}."
        )
    check_image(config)
    place = data or DATA_FOLDER
    _check_seen(place, mounted=config.kubeflow.data_claim is not None)
    return place


def check_image(config: PipelineConfig) -> str:
    """Returns the image that the steps run in.

    Raises:
        ConfigError: if none is named.
    """
    if config.kubeflow.image is None:
        raise ConfigError(
            "Configuration: kubeflow.image is not set; name the image that the steps run in, such "
            "as registry.example.org/warmstart-worker:0.1.0."
        )
    return config.kubeflow.image


def check_file(file: Path) -> None:
    """Finds, before TensorFlow is imported, that Kubeflow would not take a file for what it is.

    Raises:
        ConfigError: if its name does not end in `.yaml` or `.yml`.
    """
    if file.suffix not in _SUFFIXES:
        raise ConfigError(
            f"--output {file}: Kubeflow tells by .yaml what is in a file; name one that ends in it."
        )


def compile_pipeline(config: PipelineConfig, *, data: str | None = None) -> list[dict[str, Any]]:
    """Returns the two documents of the compiled file: the PipelineSpec, and Kubernetes' part.

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
    from pipelines.kubeflow.platform import platform_spec
    from pipelines.kubeflow.spec import pipeline_spec
    from pipelines.kubeflow.steps import steps_of

    pipeline = create_pipeline(
        config,
        data=place,
        # Only models have a place of their own; Kubeflow keeps artifacts and metadata.
        output=OutputFolders(Path(MODELS_FOLDER).parent),
        baselines=pushed_to(MODELS_FOLDER),
    )
    steps = steps_of(pipeline, split=config.evaluate.split)
    spec = pipeline_spec(config.name, steps, offered(config, place), settings=config.kubeflow)
    return [spec, platform_spec((step.id for step in steps), config.kubeflow)]


def as_yaml(documents: list[dict[str, Any]]) -> str:
    """Returns the text of a compiled file."""
    name = documents[0]["pipelineInfo"]["name"]
    return _HEADER.format(name=name) + yaml.dump_all(documents, Dumper=_Dumper, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes the same list twice where it is there twice: without anchors files can be compared."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write_compiled(documents: list[dict[str, Any]], file: Path) -> None:
    """Writes a compiled file, whole or not at all.

    Raises:
        ConfigError: if it cannot be written.
    """
    write_file(as_yaml(documents), file)


def _check_seen(data: str, *, mounted: bool) -> None:
    shown = printable(data)
    if is_remote(data):
        if not data.startswith(_READABLE):
            raise ConfigError(
                f"--data {shown}: pods read photos from the volume at {DATA_FOLDER} or from "
                f"{_READABLE}; copy them to one of the two."
            )
        return
    inside = PurePosixPath(DATA_FOLDER) in (PurePosixPath(data), *PurePosixPath(data).parents)
    if not inside or ".." in PurePosixPath(data).parts:
        raise ConfigError(
            f"--data {shown}: pods cannot see this machine's folders; name a place as they see it, "
            f"{DATA_FOLDER} or below, which is the claim kubeflow.data_claim, or {_READABLE}."
        )
    if not mounted:
        raise ConfigError(
            f"--data {shown}: kubeflow.data_claim is null, so nothing is mounted at {DATA_FOLDER}; "
            "name the claim that holds the photos."
        )


if __name__ == "__main__":
    source, target = sys.argv[1:]
    write_compiled(compile_pipeline(load_config(Path(source))), Path(target))
