"""The compiled pipelines that are kept in the repository, compiled anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.config import load_config
from pipelines.kubeflow_runner import compile_pipeline
from pipelines.vertex_runner import compile_job

GOLDEN = Path(__file__).resolve().parents[3] / "kubeflow" / "golden"


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of configurations and compiled pipelines."""
    return GOLDEN


@pytest.fixture(scope="session")
def documents() -> list[dict[str, Any]]:
    """Both documents, compiled from the configuration that is kept."""
    return compile_pipeline(load_config(GOLDEN / "configuration.yaml"))


@pytest.fixture(scope="session")
def job() -> dict[str, Any]:
    """The job for Vertex AI, compiled from the configuration that is kept."""
    config = load_config(GOLDEN / "vertex-configuration.yaml")
    return compile_job(config, data="gs://example-bucket/photos")
