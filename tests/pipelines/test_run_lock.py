"""Tests that one run at a time writes to a folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.folders import OutputFolders
from pipelines.run_lock import exclusive_run
from schemas.errors import ConfigError, PipelineError

HOLDER = """
import sys, time
from pathlib import Path
from pipelines.folders import OutputFolders
from pipelines.run_lock import exclusive_run

with exclusive_run(OutputFolders(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def output(tmp_path: Path) -> OutputFolders:
    return OutputFolders(tmp_path)


def holding(output: OutputFolders) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(output.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_second_run_is_refused_with_who_holds_the_folder_and_since_when(
    output: OutputFolders,
) -> None:
    with holding(output) as process:
        with pytest.raises(PipelineError) as refused, exclusive_run(output):
            pass
        process.communicate("")

    since = str(refused.value).split(" since ")[1][:16]
    assert str(refused.value) == (
        f"process {process.pid} on {socket.gethostname()}, since {since} UTC, writes to "
        f"{output.root}; wait until it ends, or name another folder with --output."
    )


def test_folder_is_free_once_a_run_has_ended(output: OutputFolders) -> None:
    with holding(output) as process:
        process.communicate("")

    with exclusive_run(output):
        pass
    with exclusive_run(output):
        pass


def test_lock_of_a_process_that_was_killed_is_gone(output: OutputFolders) -> None:
    with holding(output) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()

    with exclusive_run(output):
        holder = json.loads((output.root / ".run.lock").read_text())
    assert holder["process"] == os.getpid()


def test_folder_is_free_after_a_run_that_failed(output: OutputFolders) -> None:
    with pytest.raises(ZeroDivisionError), exclusive_run(output):
        raise ZeroDivisionError

    with exclusive_run(output):
        pass


def test_run_that_has_not_said_who_it_is_yet_is_refused_all_the_same(output: OutputFolders) -> None:
    with holding(output) as process:
        (output.root / ".run.lock").write_text("")
        with pytest.raises(PipelineError) as refused, exclusive_run(output):
            pass
        process.communicate("")

    assert str(refused.value).startswith(f"another run writes to {output.root}; wait until")


def test_other_folders_are_free(output: OutputFolders, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with exclusive_run(output), exclusive_run(OutputFolders(tmp_path / "other")):
        pass


def test_file_of_the_lock_that_cannot_be_written_is_named(output: OutputFolders) -> None:
    (output.root / ".run.lock").mkdir()

    with pytest.raises(ConfigError) as error, exclusive_run(output):
        pass

    assert str(error.value) == (
        f"{output.root}/.run.lock: Is a directory; make it writable, or name another folder with "
        "--output."
    )
