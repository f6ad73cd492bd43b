"""The section `kubeflow.vertex` of the configuration: what is different on Vertex AI."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from pipelines.config_section import Section

_PLACE = re.compile(r"gs://[a-z0-9][-a-z0-9._]+[a-z0-9](/[^/]+)*/?")
_ACCELERATOR = re.compile(r"NVIDIA(_[A-Z0-9]+)+")


def in_cloud_storage(place: str) -> bool:
    """Tells whether a place is one in Cloud Storage, such as `gs://bucket/photos`."""
    return bool(_PLACE.fullmatch(place)) and ".." not in PurePosixPath(place).parts


def _models(place: str) -> str:
    if not in_cloud_storage(place):
        raise ValueError("no place in Cloud Storage, such as gs://bucket/models")
    return place.rstrip("/")


def _accelerator(name: str) -> str:
    if not _ACCELERATOR.fullmatch(name):
        raise ValueError("no GPU as Vertex AI names them, such as NVIDIA_TESLA_T4 or NVIDIA_L4")
    return name


class VertexConfig(Section):
    """What is different on Vertex AI; the rest of what it needs is above."""

    models: Annotated[str, AfterValidator(_models)] | None = Field(
        None, description="Where models are pushed to, in Cloud Storage: gs://."
    )
    accelerator: Annotated[str, AfterValidator(_accelerator)] = Field(
        "NVIDIA_TESLA_T4", description="What Vertex AI calls the GPUs of gpu.count."
    )
