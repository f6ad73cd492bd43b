"""Tests of what keeps two processes from changing a folder of models at once."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.serving.one_at_a_time import one_at_a_time
from schemas.errors import ModelError


def test_no_two_are_in_the_block_at_once(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def change(number: int) -> None:
        with one_at_a_time(tmp_path):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(change, range(200)))

    assert most == [1] * 200


def test_who_waits_too_long_is_told_so(tmp_path: Path) -> None:
    with (
        one_at_a_time(tmp_path),
        pytest.raises(ModelError) as error,
        one_at_a_time(tmp_path, longest_wait_s=0.1),
    ):
        pass

    assert str(error.value) == (
        f"{tmp_path}: another process has been changing this folder of models for 0.1 s; wait for "
        "it, or end it."
    )


def test_lock_on_models_of_a_process_that_was_killed_is_gone(tmp_path: Path) -> None:
    forked = multiprocessing.get_context("fork")
    holds = forked.Event()

    def hold() -> None:
        with one_at_a_time(tmp_path):
            holds.set()
            signal.pause()

    process = forked.Process(target=hold)
    process.start()
    assert holds.wait(10)
    process.kill()
    process.join()

    with one_at_a_time(tmp_path, longest_wait_s=0.1):
        pass


def test_file_system_without_locks_is_changed_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)

    with one_at_a_time(tmp_path):
        pass

    assert [record.message for record in caplog.records] == [
        f"{tmp_path}: the file system has no locks; push from one place only."
    ]


def test_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error, one_at_a_time(tmp_path / "gone"):
        pass

    assert error.value.filename == str(tmp_path / "gone")
