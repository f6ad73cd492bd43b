"""The services in `compose*.yaml`; there is no Docker engine to start them with."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from dev_tools import tool
from rest_server import Server, rest_server
from typer.testing import CliRunner
from waiting import wait_until

from cli.main import app
from pipelines.environment.resources import PORTS
from pipelines.folders import DEFAULT_OUTPUT, OutputFolders

ROOT = Path(__file__).parent.parent
FILES = ["compose.yaml", "compose.host.yaml", "compose.cpu.yaml"]
PROFILES = {"notebook", "pipeline", "tensorboard", "review", "serving"}
WITH_GPUS = {"notebook", "pipeline"}
LONG_RUNNING = PROFILES - {"pipeline"}

# Where the image has the output folder: the working directory, and the default below it.
OUTPUT = OutputFolders(Path("/work") / DEFAULT_OUTPUT)

RESET = "to be reset"


class Loader(yaml.SafeLoader):
    """Reads compose's tag, too."""


Loader.add_constructor("!reset", lambda *_: RESET)


def content(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / name).read_text(encoding="utf-8"), Loader)  # noqa: S506
    return loaded


def merged(*names: str) -> dict[str, Any]:
    """Merges files as the compose specification says (13-merge.md)."""
    first, *others = (content(name) for name in names)
    result = deepcopy(first)
    for other in others:
        merge(result, other)
    return result


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if value == RESET:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif key == "volumes" and isinstance(value, list):
            mounts = {target_of(mount): mount for mount in [*into.get(key, ()), *value]}
            into[key] = list(mounts.values())
        else:
            into[key] = deepcopy(value)


def target_of(mount: str | dict[str, Any]) -> str:
    return str(mount["target"]) if isinstance(mount, dict) else mount.split(":")[1]


def volumes_of(service: dict[str, Any]) -> dict[str, str]:
    """Returns what is mounted where."""
    return {
        target_of(mount): mount["source"] if isinstance(mount, dict) else mount.split(":")[0]
        for mount in service.get("volumes", ())
    }


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = content("compose.yaml")["services"]
    return found


@pytest.fixture
def served(pushed_model: Path) -> Iterator[Server]:
    with rest_server(pushed_model) as served:
        yield served


@pytest.mark.parametrize(
    "names",
    [FILES[:1], [FILES[0], FILES[1]], [FILES[0], FILES[2]], FILES],
    ids=["compose", "host", "cpu", "host and cpu"],
)
def test_files_are_as_the_specification_says(tmp_path: Path, names: list[str]) -> None:
    file = tmp_path / "compose.json"
    file.write_text(json.dumps(merged(*names)), encoding="utf-8")

    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_every_service_has_a_profile_of_its_name(services: dict[str, dict[str, Any]]) -> None:
    assert {name: service["profiles"] for name, service in services.items()} == {
        name: [name] for name in PROFILES
    }


def test_what_runs_for_long_is_started_again(services: dict[str, dict[str, Any]]) -> None:
    assert {name: service["restart"] for name, service in services.items()} == {
        **dict.fromkeys(LONG_RUNNING, "unless-stopped"),
        "pipeline": "no",
    }


def test_gpus_are_those_that_are_named(services: dict[str, dict[str, Any]]) -> None:
    device = {"driver": "nvidia", "device_ids": ["${GPU_IDS:-all}"], "capabilities": ["gpu"]}
    found = {
        name: service["deploy"]["resources"]["reservations"]["devices"]
        for name, service in services.items()
        if "deploy" in service
    }
    assert found == {name: [device] for name in WITH_GPUS}


def test_machine_without_a_gpu_needs_none() -> None:
    services = merged("compose.yaml", "compose.cpu.yaml")["services"]

    assert [name for name, service in services.items() if "deploy" in service] == []
    assert {
        service["build"]["args"]["PROCESSOR"] for service in services.values() if "build" in service
    } == {"cpu"}


def test_files_belong_to_whom_variables_name(services: dict[str, dict[str, Any]]) -> None:
    users = {name: service.get("user") for name, service in services.items()}

    assert users == {
        **dict.fromkeys(PROFILES, "${USER_ID:-10001}:${GROUP_ID:-10001}"),
        "serving": None,
    }


def test_ports_are_the_usual_ones_and_of_this_machine_alone(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, port in PORTS.items():
        address = "127.0.0.1" if name == "tensorboard" else "${ADDRESS:-127.0.0.1}"
        (found,) = services[name]["ports"]
        assert found == f"{address}:${{{name.upper()}_PORT:-{port}}}:{port}"
    assert "ports" not in services["pipeline"]


def test_every_volume_is_named_and_used(services: dict[str, dict[str, Any]]) -> None:
    used = {source for one in services.values() for source in volumes_of(one).values()}

    assert used == {*content("compose.yaml")["volumes"], "."}
    assert set(content("compose.yaml")["volumes"]) == {"datasets", "weights", "pipeline", "models"}


def test_runs_write_where_the_others_read(services: dict[str, dict[str, Any]]) -> None:
    for name in WITH_GPUS | {"review"}:
        mounts = volumes_of(services[name])
        assert mounts[str(OUTPUT.root)] == "pipeline"
        assert mounts[str(OUTPUT.models)] == "models"
    assert volumes_of(services["tensorboard"]) == {str(OUTPUT.root): "pipeline"}
    assert f"--logdir={OUTPUT.artifacts}/Trainer" in services["tensorboard"]["command"]
    assert volumes_of(services["serving"]) == {"/models/warmstart": "models"}


def test_folders_of_this_machine_take_the_place_of_every_volume() -> None:
    services = merged("compose.yaml", "compose.host.yaml")["services"]
    output = OutputFolders(DEFAULT_OUTPUT)

    for name, service in services.items():
        mounts = [mount for mount in service["volumes"] if isinstance(mount, dict)]
        assert len(mounts) == len(service["volumes"]) - (name == "notebook")
        # A wrong folder should fail, and not be made.
        assert {mount["type"] for mount in mounts} == {"bind"}
        assert {mount["bind"]["create_host_path"] for mount in mounts} == {False}
    assert volumes_of(services["pipeline"]) == {
        "/data": "${DATA:-./photos}",
        "/weights": "${WEIGHTS:-~/.keras/models}",
        str(OUTPUT.root): f"${{OUTPUT:-./{output.root}}}",
        str(OUTPUT.models): f"${{MODELS:-./{output.models}}}",
    }
    (mount,) = services["serving"]["volumes"]
    assert (mount["source"], mount["target"]) == (
        f"${{MODELS:-./{output.models}}}",
        "/models/warmstart",
    )
    assert mount["read_only"] is True


@pytest.mark.parametrize("name", ["pipeline", "review"])
def test_command_is_one_of_warmstart(services: dict[str, dict[str, Any]], name: str) -> None:
    arguments = [part.replace("${DATASET:-}", "") for part in services[name]["command"]]

    result = CliRunner().invoke(app, [*arguments, "--output", "/nowhere/at/all"])

    # It fails for want of photos and runs, not of a command or an option.
    assert result.exit_code in {1, 2}
    assert result.stderr.startswith("Error: ")
    assert "No such" not in result.stderr


def test_review_asks_for_the_token_that_compose_hands_on(
    services: dict[str, dict[str, Any]],
) -> None:
    (variable,) = services["review"]["environment"]

    assert services["review"]["command"] == ["review", "--host", "0.0.0.0"]
    assert services["review"]["environment"][variable] == "${REVIEW_TOKEN:-}"
    help_text = CliRunner().invoke(app, ["review", "--help"], env={"COLUMNS": "200"}).stdout
    assert variable in help_text


def test_image_is_pinned_to_a_version(services: dict[str, dict[str, Any]]) -> None:
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", services["serving"]["image"])


def test_models_are_where_the_image_looks(services: dict[str, dict[str, Any]]) -> None:
    (mount,) = services["serving"]["volumes"]

    # The image's entry point serves ${MODEL_BASE_PATH}/${MODEL_NAME}, and the first is /models.
    assert mount["target"] == f"/models/{services['serving']['environment']['MODEL_NAME']}"
    assert mount["read_only"] is True


def health(service: dict[str, Any], name: str, port: int) -> int:
    """Runs a health check's command against a server on another port."""
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    usual = str(PORTS[name])
    assert any(usual in part for part in command)
    command = [part.replace(usual, str(port)) for part in command]
    command = [sys.executable if part == "python" else part for part in command]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.parametrize("name", ["tensorboard", "review"])
def test_health_check_tells_what_listens(services: dict[str, dict[str, Any]], name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert health(services[name], name, port) != 0

    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            wait_for(port)
            assert health(services[name], name, port) == 0
        finally:
            process.kill()


def wait_for(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens)


def port_of(served: Server) -> int:
    match = re.search(r":(\d+)/", served.url)
    assert match
    return int(match[1])


@pytest.mark.slow
def test_health_check_tells_a_model_that_is_served(
    services: dict[str, dict[str, Any]], served: Server
) -> None:
    assert health(services["serving"], "serving", port_of(served)) == 0
    assert served.paths == ["/v1/models/warmstart"]


@pytest.mark.slow
def test_health_check_fails_while_the_model_is_not_there(
    services: dict[str, dict[str, Any]], served: Server
) -> None:
    served.state = "LOADING"

    assert health(services["serving"], "serving", port_of(served)) == 1
