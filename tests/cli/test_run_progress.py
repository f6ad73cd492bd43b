"""Tests of what is said of a run that failed for something other than our own errors."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.run_progress import _kept, _message
from pipelines.folders import OutputFolders, prepare_output
from pipelines.outcome import Outcome

ONCE_MORE = "run the same command again: what is finished is not done again."


@pytest.fixture
def output(tmp_path: Path) -> OutputFolders:
    return prepare_output(tmp_path / "out")


def message(error: Exception, output: OutputFolders) -> str:
    return _message(error, "Trainer", output.runs / "1", output)


def too_large() -> Any:
    return np.ones(2**50)


@pytest.mark.parametrize("text", [os.strerror(errno.ENOSPC), "database or disk is full"])
def test_full_disk_is_told(output: OutputFolders, text: str) -> None:
    said = message(RuntimeError(f"{text} while writing\nmore"), output)

    assert said.startswith(f"Trainer failed: no space is left on the disk of {output.runs / '1'} ")
    assert said.endswith(f"; free some, or lower embed.max_disk_gb, and {ONCE_MORE}")


@pytest.mark.parametrize("text", [None, "MemoryError: in a worker", os.strerror(errno.ENOMEM)])
def test_lack_of_memory_is_told_with_what_to_lower(output: OutputFolders, text: str | None) -> None:
    error: Exception = RuntimeError(text)
    if text is None:
        with pytest.raises(MemoryError) as raised:
            too_large()
        error = raised.value

    assert message(error, output) == (
        "Trainer failed: memory ran out; lower train.batch_size, data.max_pixels or "
        f"engine.workers, and {ONCE_MORE}"
    )


def test_output_that_can_no_longer_be_written_to_is_named(output: OutputFolders) -> None:
    error = RuntimeError("unable to open database file")
    shutil.rmtree(output.root)

    assert message(error, output) == (
        f"Trainer failed: {output.root} can no longer be written to; make it writable, and "
        f"{ONCE_MORE}"
    )


def test_anything_else_is_told_with_the_place_of_the_story(output: OutputFolders) -> None:
    assert message(RuntimeError("no\nmore"), output) == (
        f"Trainer failed: no (the whole story is in {output.runs / '1' / 'log.txt'})."
    )


class Said(list[str]):
    """What a progress would show."""

    def say(self, text: str, style: str = "") -> None:
        del style
        self.append(text)


@pytest.mark.parametrize("error", [None, "Trainer failed."])
def test_run_whose_outcome_cannot_be_kept_has_failed(tmp_path: Path, error: str | None) -> None:
    said: Any = Said()
    gone = tmp_path / "gone"

    outcome = _kept(Outcome("1", error=error), gone, said)

    sentence = f"{gone / 'metrics.json'} cannot be written (No such file or directory); {ONCE_MORE}"
    assert outcome.error == (error or sentence)
    assert said == [f"Error: {sentence}"]
