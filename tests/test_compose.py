"""The service in `compose.yaml`; there is no Docker engine to start it with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rest_server import Server, rest_server

from pipelines.folders import DEFAULT_OUTPUT, OutputFolders

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = content["services"]["serving"]
    return found


@pytest.fixture
def served(pushed_model: Path) -> Iterator[Server]:
    with rest_server(pushed_model) as served:
        yield served


def test_image_is_pinned_to_a_version(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", service["image"])


def test_mount_is_where_versions_are_pushed_and_where_the_image_looks(
    service: dict[str, Any],
) -> None:
    (mount,) = service["volumes"]

    default = re.fullmatch(r"\$\{MODELS:-(.+)\}", mount["source"])
    assert default
    assert Path(default[1]) == OutputFolders(DEFAULT_OUTPUT).models
    # The image's entry point serves ${MODEL_BASE_PATH}/${MODEL_NAME}, and the first is /models.
    assert mount["target"] == f"/models/{service['environment']['MODEL_NAME']}"
    assert mount["read_only"] is True
    assert service["ports"] == ["8501:8501"]
    assert service["restart"] == "unless-stopped"


def health(service: dict[str, Any], served: Server) -> int:
    """Runs the health check's command against a server on another port."""
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    port = re.search(r":(\d+)/", served.url)
    assert port
    command = [part.replace("/8501", f"/{port[1]}") for part in command]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode


@pytest.mark.slow
def test_health_check_tells_a_model_that_is_served(service: dict[str, Any], served: Server) -> None:
    assert health(service, served) == 0
    assert served.paths == ["/v1/models/warmstart"]


@pytest.mark.slow
def test_health_check_fails_while_the_model_is_not_there(
    service: dict[str, Any], served: Server
) -> None:
    served.state = "LOADING"

    assert health(service, served) == 1
