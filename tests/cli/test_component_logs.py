"""Tests of the log of each component."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import wait_until

from cli.component_logs import ComponentLogs
from pipelines.captured_output import output_to


def logs_of(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted((folder / "logs").iterdir())}


def test_each_log_holds_what_was_printed_while_its_component_ran(tmp_path: Path) -> None:
    """By Python, by descriptors, and by processes that were started."""
    logs = ComponentLogs(tmp_path)
    with output_to(tmp_path / "log.txt"), logs.closed():
        os.write(2, b"before\n")
        logs.begin("First")
        os.write(1, b"one\n")
        subprocess.run([sys.executable, "-c", "print('two')"], stdout=1, check=True)
        logs.end()
        os.write(2, b"between\n")
        logs.begin("Second")
        os.write(2, b"\xff three")

    assert (tmp_path / "log.txt").read_bytes() == b"before\none\ntwo\nbetween\n\xff three"
    assert (tmp_path / "logs" / "First.txt").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "logs" / "Second.txt").read_bytes() == b"\xff three"


def test_log_can_be_followed_while_the_component_runs(tmp_path: Path) -> None:
    logs = ComponentLogs(tmp_path)
    with output_to(tmp_path / "log.txt"), logs.closed():
        logs.begin("Slow")
        os.write(2, b"step 1\n")
        wait_until(lambda: logs_of(tmp_path) == {"Slow.txt": "step 1\n"})


def test_more_than_a_block_is_copied_whole(tmp_path: Path) -> None:
    logs = ComponentLogs(tmp_path)
    with output_to(tmp_path / "log.txt"), logs.closed():
        logs.begin("Loud")
        for _ in range(300):
            os.write(2, b"x" * 9999 + b"\n")
        logs.end()

    assert (tmp_path / "logs" / "Loud.txt").stat().st_size == 3_000_000


def test_log_is_complete_after_an_error(tmp_path: Path) -> None:
    logs = ComponentLogs(tmp_path)

    def fail() -> None:
        with output_to(tmp_path / "log.txt"), logs.closed():
            logs.begin("Failing")
            os.write(2, b"last words\n")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert logs_of(tmp_path) == {"Failing.txt": "last words\n"}


def test_component_runs_without_a_log_where_none_can_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("no folder")
    logs = ComponentLogs(tmp_path)
    with output_to(tmp_path / "log.txt"), logs.closed():
        logs.begin("Trainer")
        logs.end()

    assert caplog.messages == [
        f"Trainer has no log of its own: [Errno 17] File exists: '{tmp_path / 'logs'}'"
    ]
