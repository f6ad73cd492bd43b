"""Tests of `warmstart review`: what it opens, where it listens, and how it ends."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_store import MadeStore
from typer.testing import CliRunner, Result

from cli.main import app

START = "import sys; from cli.main import main; sys.argv[0] = 'warmstart'; main()"
HEAVY = {"tensorflow", "tfx", "keras", "apache_beam", "pandas", "matplotlib"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder with one run."""
    MadeStore(tmp_path).execution("one", "Trainer")
    return tmp_path


def invoke(*arguments: str | Path) -> Result:
    command = ["review", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, command, env={"COLUMNS": "120", "NO_COLOR": "1"})


@contextmanager
def started(*arguments: str | Path, script: str = START) -> Iterator[subprocess.Popen[str]]:
    """Runs the command as a process, which is ended whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-c", script, "review", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def ask(port: int, path: str = "/runs", **headers: str) -> tuple[int, bytes]:
    """Asks a server that listens already."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_folder_without_a_store_asks_for_a_run(tmp_path: Path) -> None:
    result = invoke("--output", tmp_path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: --output {tmp_path} holds no run (no metadata.sqlite); run the pipeline first, "
        "with `warmstart pipeline run`, or name the folder that it wrote to.\n"
    )


def test_broken_store_is_told_before_anything_listens(tmp_path: Path) -> None:
    (tmp_path / "metadata.sqlite").write_bytes(b"no database" * 400)

    result = invoke("--output", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {tmp_path}/metadata.sqlite cannot be read (")


def test_port_that_is_taken_is_told(output: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("--output", output, "--port", str(port))

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"Error: --host 127.0.0.1 --port {port}: cannot listen there (Address already in use); "
        f"name another, such as --port {port % 65535 + 1}.\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_port_that_is_none_is_wrong_usage(output: Path, port: str) -> None:
    assert invoke("--output", output, "--port", port).exit_code == 2


def test_get_prints_what_is_at_an_address_and_ends(output: Path) -> None:
    result = invoke("--output", output, "--get", "/runs.json")

    assert (result.exit_code, result.stderr) == (0, "")
    assert [run["name"] for run in json.loads(result.stdout)["runs"]] == ["one"]


def test_get_of_what_is_not_there_exits_with_1(output: Path) -> None:
    result = invoke("--output", output, "--get", "/runs/999.json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == (
        "Run 999 is not in the store; it was removed, or is of another folder."
    )


def test_token_that_no_address_holds_is_wrong_usage(output: Path) -> None:
    result = invoke("--output", output, "--token", "a b")

    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --token may only hold letters from A to Z in both cases, digits, and . _ ~ -; "
        "leave it out and one is made.\n"
    )


def test_page_listens_where_it_says_and_ends_with_ctrl_c(output: Path) -> None:
    port = free_port()
    with started("--output", output, "--port", str(port)) as process:
        said = first_line(process)
        assert said == (f"Review of {output}: http://127.0.0.1:{port}/runs (Ctrl-C ends it)\n")
        assert ask(port)[0] == 200
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)

    assert process.returncode == 0
    assert (out, errors.strip()) == ("", "")


def test_ctrl_c_ends_it_while_a_browser_follows_a_run(output: Path) -> None:
    port = free_port()
    with started("--output", output, "--port", str(port)) as process:
        first_line(process)
        run = json.loads(ask(port, "/runs.json")[1])["runs"][0]["id"]
        follower = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        follower.request("GET", f"/runs/{run}/events")
        assert follower.getresponse().readline() == b"retry: 2000\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        follower.close()

    assert process.returncode == 0
    assert "Traceback" not in errors


def test_every_address_of_the_machine_has_a_token(output: Path) -> None:
    port = free_port()
    with started("--output", output, "--port", str(port), "--host", "0.0.0.0") as process:
        said = first_line(process)
        found = re.search(rf"http://([^:/]+):{port}/runs\?token=([\w-]{{32}}) \(Ctrl-C", said)
        assert found
        assert found[1] == socket.gethostname()
        assert ask(port)[0] == 401
        assert ask(port, f"/runs?token={found[2]}")[0] == 303
        assert ask(port, Authorization=f"Bearer {found[2]}")[0] == 200


def test_token_that_is_given_is_asked_for(output: Path) -> None:
    port = free_port()
    with started("--output", output, "--port", str(port), "--token", "own.token") as process:
        assert f"http://127.0.0.1:{port}/runs?token=own.token " in first_line(process)
        assert ask(port)[0] == 401
        assert ask(port, Authorization="Bearer own.token")[0] == 200


def test_page_is_shown_without_loading_what_takes_seconds(output: Path) -> None:
    """Before the first page and after it: TensorFlow alone would take ten seconds."""
    script = f"""
import sys, threading, urllib.request
from cli import review
from review.page import server
serve = server.serve

def serve_once(folders, place, **options):
    from review.page.app import make_app
    from review.page.one import answer_to
    assert answer_to(folders, "/runs")[0] == 200
    assert answer_to(folders, "/runs.json")[0] == 200
    print("LOADED", *sys.modules)

server.serve = serve_once
{START}
"""
    with started("--output", output, script=script) as process:
        out, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")
    loaded = {name.partition(".")[0] for name in out.partition("LOADED ")[2].split()}
    assert {"starlette", "uvicorn", "ml_metadata"} <= loaded
    assert HEAVY.isdisjoint(loaded), HEAVY & loaded


def test_help_names_every_option() -> None:
    result = invoke("--help")

    assert result.exit_code == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
    for option in ("--output", "--port", "--open", "--host", "--token", "--get"):
        assert option in text


def test_data_is_listed_once_among_the_commands() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120", "NO_COLOR": "1"})

    commands = re.findall(r"^\W*([a-z]+)  ", result.stdout, re.MULTILINE)
    assert "review" in commands
    assert len(commands) == len(set(commands))
