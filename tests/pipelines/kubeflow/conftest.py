"""The compiled pipeline that is kept in the repository, compiled anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.config import load_config
from pipelines.kubeflow_runner import compile_pipeline

GOLDEN = Path(__file__).resolve().parents[3] / "kubeflow" / "golden"


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of configuration and compiled pipeline."""
    return GOLDEN


@pytest.fixture(scope="session")
def documents() -> list[dict[str, Any]]:
    """Both documents, compiled from the configuration that is kept."""
    return compile_pipeline(load_config(GOLDEN / "configuration.yaml"))
