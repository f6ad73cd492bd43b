"""Tests of `warmstart tensorboard`: which logs it opens, and where it listens."""

from __future__ import annotations

import contextlib
import http.client
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from typer.testing import CliRunner, Result
from waiting import wait_until

from cli.main import app

WARMSTART = Path(sys.executable).parent / "warmstart"
SECONDS_TO_START = 60


def invoke(*arguments: str | Path) -> Result:
    """Runs `warmstart tensorboard` in this process."""
    command = ["tensorboard", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, command, env={"COLUMNS": "120", "NO_COLOR": "1"})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder with one run, whose logs are in `my logs`."""
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.sqlite")
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = MetadataStore(config)
    run = mlmd.Context(
        type_id=store.put_context_type(mlmd.ContextType(name="pipeline_run")), name="run 1"
    )
    trainer = mlmd.Execution(type_id=store.put_execution_type(mlmd.ExecutionType(name="Trainer")))
    logs = mlmd.Artifact(
        type_id=store.put_artifact_type(mlmd.ArtifactType(name="ModelRun")),
        uri=str(tmp_path / "my logs"),
    )
    store.put_execution(trainer, [(logs, mlmd.Event(type=mlmd.Event.OUTPUT))], [run])
    (tmp_path / "my logs").mkdir()
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_print_shows_the_command_line_and_runs_nothing(output: Path) -> None:
    result = invoke("--output", output, "--port", "7007", "--print")

    assert (result.exit_code, result.stderr) == (0, "")
    assert shlex.split(result.stdout) == [
        *(sys.executable, "-m", "tensorboard.main"),
        *("--logdir", str(output / "my logs"), "--port", "7007", "--host", "127.0.0.1"),
    ]


def test_folder_may_be_relative(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(output.parent)

    result = invoke("--output", output.name, "--run", "run 1", "--print")

    assert str(output / "my logs") in shlex.split(result.stdout)


def test_unknown_run_is_refused_in_one_sentence(output: Path) -> None:
    result = invoke("--output", output, "--run", "run 2", "--print")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: --run run 2: {output} holds no such run; the newest are run 1.\n"
    )


def test_default_folder_without_a_run_asks_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = invoke()

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: --output {tmp_path}/warmstart-output holds no run (no metadata.sqlite); run the "
        "pipeline first, with `warmstart pipeline run`, or name the folder that it wrote to.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_port_that_is_taken_is_refused_before_the_start(output: Path, taken_port: int) -> None:
    result = invoke("--output", output, "--port", str(taken_port))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: --port {taken_port}: cannot listen on 127.0.0.1:{taken_port} (Address already "
        f"in use); name another, such as --port {taken_port + 1}.\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "many"])
def test_port_that_is_none_is_a_usage_error(output: Path, port: str) -> None:
    result = invoke("--output", output, "--port", port)

    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.stderr


@pytest.mark.slow
def test_tensorboard_serves_the_logs(output: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [WARMSTART, "tensorboard", "--output", output, "--port", str(port)]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            answer = answer_of(port, process)
        finally:
            process.terminate()
        assert process.stdout is not None
        said = process.stdout.readline()

    assert str(output / "my logs") in answer
    assert said == f"Run run 1: http://127.0.0.1:{port} (Ctrl-C ends it)\n"


def answer_of(port: int, process: subprocess.Popen[str]) -> str:
    """Waits until TensorBoard answers which folder it shows."""
    said: list[str] = []

    def answered() -> list[str]:
        assert process.poll() is None, "TensorBoard ended"
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/data/environment")
            said.append(connection.getresponse().read().decode())
        return said

    wait_until(answered, SECONDS_TO_START)
    return said[0]
