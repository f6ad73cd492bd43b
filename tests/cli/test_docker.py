"""Tests of `warmstart docker`: the line that it prints is the one that it runs."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fake_programs import GPU_0, GPU_1, FakePrograms
from typer.testing import CliRunner, Result

from cli.main import app

ROOT = Path(__file__).parents[2]
START = (
    f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from cli.main import main; "
    "sys.argv[0] = 'warmstart'; main()"
)
USER = f"{os.getuid()}:{os.getgid()}"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    """A machine with two GPUs and a Docker that knows the image, and nothing else."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("WARMSTART_WEIGHTS_CACHE", str(tmp_path / "weights"))
    programs = FakePrograms(folder)
    programs.nvidia_smi(GPU_0, GPU_1)
    programs.docker(images=["warmstart"])
    return programs


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "my photos").mkdir()
    return tmp_path / "my photos"


def invoke(*arguments: str | Path) -> Result:
    command = ["docker", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, command, env={"COLUMNS": "120", "NO_COLOR": "1"})


def started(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command, which becomes Docker."""
    return subprocess.run(
        [sys.executable, "-c", START, "docker", *map(str, arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_run_is_the_line_that_print_shows(
    tmp_path: Path, photos: Path, programs: FakePrograms
) -> None:
    command = [
        *("run", "--data", photos, "--output", tmp_path / "out", "--gpus", "0,1"),
        *("--", "--set", "fine_tune.epochs=3"),
    ]
    printed = invoke(*command[:-3], "--print", *command[-3:])
    assert not (tmp_path / "out").exists()
    done = started(*command, cwd=tmp_path)

    assert (printed.exit_code, printed.stderr) == (0, "")
    assert printed.stdout == (
        "docker run --rm --init --gpus '\"device=0,1\"' --shm-size 1g "
        f"--user {USER} --no-healthcheck "
        f"--mount type=bind,source={tmp_path}/out,target={tmp_path}/out "
        f"--mount type=bind,source={tmp_path}/weights,target=/weights "
        f"--mount 'type=bind,source={photos},target={photos},readonly' "
        f"warmstart pipeline run --data '{photos}' --output {tmp_path}/out --gpus all "
        "--set fine_tune.epochs=3\n"
    )
    assert (done.returncode, done.stderr) == (0, printed.stdout)
    assert ["docker", *(programs.called_with or [])] == shlex.split(printed.stdout)
    assert (tmp_path / "out").is_dir()
    assert (tmp_path / "weights").is_dir()


def test_notebook_is_started_with_a_token_that_is_told(
    tmp_path: Path, programs: FakePrograms
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    done = started("notebook", "--port", port, "--gpus", "none", cwd=tmp_path)

    said = re.fullmatch(
        rf"Jupyter Lab: http://127\.0\.0\.1:{port}/lab\?token=([\w-]{{32}}) \(Ctrl-C ends it\)\n"
        r"token=(\S+)\n",
        done.stdout,
    )
    assert said
    assert said[1] == said[2]
    assert done.stderr.startswith(f"JUPYTER_TOKEN={said[1]} docker run ")
    assert ["docker", *(programs.called_with or [])] == shlex.split(done.stderr)[1:]
    assert f"type=bind,source={tmp_path},target={tmp_path}" in (programs.called_with or [])


def test_build_is_run_from_a_checkout(tmp_path: Path, programs: FakePrograms) -> None:
    done = started("build", ROOT, "--worker", "--cpu", cwd=tmp_path)

    assert done.returncode == 0
    assert programs.called_with == [
        *("build", "--tag", "warmstart", "--target", "worker"),
        *("--build-arg", "PROCESSOR=cpu", str(ROOT)),
    ]


def test_build_elsewhere_is_refused(tmp_path: Path) -> None:
    result = invoke("build", tmp_path, "--print")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {tmp_path} has no Dockerfile; name a checkout of warmstart.\n"
    )


def test_every_gpu_is_used_by_default(photos: Path, programs: FakePrograms) -> None:
    line = invoke("run", "--data", photos, "--print").stdout
    assert " --gpus all " in line
    # Inside, the configuration may still choose among them.
    assert line.count("--gpus") == 1
    (programs.folder / "nvidia-smi").unlink()
    assert " --gpus " not in invoke("run", "--data", photos, "--print").stdout


def test_line_can_be_printed_where_docker_is_not(photos: Path, programs: FakePrograms) -> None:
    (programs.folder / "docker").unlink()

    assert invoke("run", "--data", photos, "--gpus", "7", "--print").exit_code == 0
    result = invoke("run", "--data", photos)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: Docker is not installed (there is no program docker on PATH); install Docker "
        "Engine, or show the line with --print and run it where Docker is.\n"
    )


def test_gpu_that_does_not_exist_is_refused(photos: Path, programs: FakePrograms) -> None:
    result = invoke("run", "--data", photos, "--gpus", "0,2")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: --gpus 2: there is no such GPU; this machine has 0, 1.\n"
    assert programs.called_with is None


def test_missing_toolkit_is_told(photos: Path, programs: FakePrograms) -> None:
    programs.docker({"ServerVersion": "28.2.2", "Runtimes": {"runc": {}}}, images=["warmstart"])

    result = invoke("run", "--data", photos, "--gpus", "0")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: --gpus 0: Docker cannot hand GPUs to containers, as ")
    assert result.stderr.count("\n") == 1


def test_image_that_was_not_built_is_told(photos: Path, programs: FakePrograms) -> None:
    result = invoke("run", "--data", photos, "--image", "mine:2")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: --image mine:2: Docker has no such image on this machine; build it first, with "
        "`warmstart docker build`.\n"
    )


def test_port_that_is_taken_is_refused(tmp_path: Path, programs: FakePrograms) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("notebook", tmp_path, "--port", str(port))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: --port {port}: cannot listen on 127.0.0.1:{port} ")
    assert programs.called_with is None


def test_folder_that_is_not_writable_is_refused(
    tmp_path: Path, photos: Path, programs: FakePrograms
) -> None:
    (tmp_path / "file").touch()

    result = invoke("run", "--data", photos, "--output", tmp_path / "file")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: --output {tmp_path}/file: cannot write there (File exists), and neither could "
        "the container; name a folder of yours.\n"
    )
    assert programs.called_with is None


@pytest.mark.parametrize(
    ("arguments", "code", "option"),
    [
        (["run", "--data"], 1, "--data"),
        (["notebook", "--data"], 1, "--data"),
        (["notebook"], 2, "DIR"),
        (["run", "--data", ".", "--config"], 2, "--config"),
    ],
)
def test_what_is_not_there_cannot_be_mounted(
    tmp_path: Path, arguments: list[str], code: int, option: str
) -> None:
    result = invoke(*arguments, tmp_path / "none", "--print")

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == f"Error: {option} {tmp_path}/none: there is no such file or folder.\n"


def test_option_of_the_pipeline_without_dashes_before_it_is_wrong_usage(photos: Path) -> None:
    result = invoke("run", "--data", photos, "--print", "--set", "fine_tune.epochs=3")

    assert result.exit_code == 2
    assert "No such option: --set" in result.stderr
