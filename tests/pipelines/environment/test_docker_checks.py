"""Tests of what is looked at before Docker is asked: each lack is one whole sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_programs import GPU_0, GPU_1, FakePrograms

from pipelines.environment.docker_checks import (
    check_engine,
    check_gpus,
    check_image,
    parsed_token,
    prepare_folder,
)
from pipelines.environment.resources import check_port
from schemas.errors import ConfigError, MachineError

NOBODY = 65534
ROOT = Path(__file__).parents[3]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    """A machine that has no other programs than a test puts there, and a shell's."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", str(folder))
    return FakePrograms(folder)


def sentence(error: type[Exception], call: Callable[[], object]) -> str:
    with pytest.raises(error) as raised:
        call()
    return str(raised.value)


@pytest.mark.usefixtures("programs")
def test_machine_without_docker_is_told() -> None:
    assert sentence(MachineError, check_engine) == (
        "Docker is not installed (there is no program docker on PATH); install Docker Engine, or "
        "show the line with --print and run it where Docker is."
    )


def test_engine_that_does_not_run_is_told_in_dockers_words(programs: FakePrograms) -> None:
    programs.put(
        "docker",
        "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker "
        "daemon running?' >&2; exit 1",
    )

    assert sentence(MachineError, check_engine) == (
        "Docker's engine cannot be used (Cannot connect to the Docker daemon at "
        "unix:///var/run/docker.sock. Is the docker daemon running); start it, and see that you "
        "may use it (group docker)."
    )


def test_engine_that_does_not_run_is_told_by_a_docker_that_ends_with_0(
    programs: FakePrograms,
) -> None:
    programs.docker({"ServerVersion": "", "ServerErrors": ["permission denied\nmore"]})

    assert sentence(MachineError, check_engine) == (
        "Docker's engine cannot be used (permission denied); start it, and see that you may use "
        "it (group docker)."
    )


def test_engine_that_runs_is_used(programs: FakePrograms) -> None:
    programs.docker()

    check_engine()


def test_image_that_was_not_built_is_told(programs: FakePrograms) -> None:
    programs.docker(images=["other"])

    check_image("other")
    assert sentence(MachineError, lambda: check_image("warmstart")) == (
        "--image warmstart: Docker has no such image on this machine; build it first, with "
        "`warmstart docker build`."
    )


@pytest.mark.usefixtures("programs")
def test_gpus_of_a_machine_without_any_are_told() -> None:
    assert sentence(MachineError, lambda: check_gpus("0")) == (
        "--gpus 0: this machine has no GPU of NVIDIA, or no driver for it (no nvidia-smi); "
        "install the driver, or use --gpus none."
    )
    check_gpus("")


def test_gpu_that_does_not_exist_is_told(programs: FakePrograms) -> None:
    programs.nvidia_smi(GPU_0, GPU_1)
    programs.docker()

    check_gpus("0,1")
    check_gpus("GPU-bbbb-1")
    assert sentence(ConfigError, lambda: check_gpus("0,7")) == (
        "--gpus 7: there is no such GPU; this machine has 0, 1."
    )


def test_missing_toolkit_is_told(programs: FakePrograms) -> None:
    programs.nvidia_smi(GPU_0)
    programs.docker({"ServerVersion": "28.2.2", "Runtimes": {"runc": {}}})

    assert sentence(MachineError, lambda: check_gpus("all")) == (
        "--gpus all: Docker cannot hand GPUs to containers, as the NVIDIA Container Toolkit is "
        "missing; install nvidia-container-toolkit, run `nvidia-ctk runtime configure "
        "--runtime=docker`, restart Docker, or use --gpus none."
    )


@pytest.mark.parametrize(
    "engine",
    [
        {"Runtimes": {"nvidia": {}}},
        {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]},
    ],
    ids=["runtime", "cdi"],
)
def test_toolkit_is_found_however_docker_has_it(
    programs: FakePrograms, engine: dict[str, object]
) -> None:
    programs.nvidia_smi(GPU_0)
    programs.docker({"ServerVersion": "28.2.2", **engine})

    check_gpus("all")


def test_toolkit_is_found_by_its_hook(programs: FakePrograms) -> None:
    programs.nvidia_smi(GPU_0)
    programs.docker({"ServerVersion": "28.2.2"})
    programs.put("nvidia-container-runtime-hook", "")

    check_gpus("all")


def test_driver_that_is_too_old_for_cuda_is_told(programs: FakePrograms) -> None:
    programs.nvidia_smi(GPU_0.replace("550.54.15", "470.57.02"))
    programs.docker()

    assert sentence(MachineError, lambda: check_gpus("0")) == (
        "--gpus 0: 470.57.02 is too old for CUDA 12.5.1, which needs 525.60.13 or newer; update "
        "the driver."
    )


def test_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = sentence(ConfigError, lambda: check_port(port))

    assert found == (
        f"--port {port}: cannot listen on 127.0.0.1:{port} (Address already in use); name "
        f"another, such as --port {port % 65535 + 1}."
    )
    check_port(port)


def test_folder_to_mount_is_made(tmp_path: Path) -> None:
    prepare_folder("--output", tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert sentence(ConfigError, lambda: prepare_folder("--output", tmp_path / "file" / "x")) == (
        f"--output {tmp_path}/file/x: cannot write there (Not a directory), and neither could the "
        "container; name a folder of yours."
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_folder_of_someone_else_is_told(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from pipelines.environment.docker_checks import prepare_folder\n"
        f"os.setuid({NOBODY})\n"
        "try:\n    prepare_folder('--output', Path('/usr'))\n"
        "except Exception as error:\n    sys.exit(str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stderr == (
        "--output /usr: cannot write there (Permission denied), and neither could the container; "
        "name a folder of yours.\n"
    )


def test_token_is_made_up_unless_it_is_given() -> None:
    assert parsed_token("mine-1") == "mine-1"
    assert len(parsed_token(None)) >= 32
    assert parsed_token(None) != parsed_token(None)


def test_token_that_a_shell_reads_otherwise_is_told() -> None:
    assert sentence(ConfigError, lambda: parsed_token("a b")) == (
        "--token may only hold letters from A to Z in both cases, digits, and . _ ~ -; leave it "
        "out and one is made."
    )
