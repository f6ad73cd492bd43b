"""Tests of reading files behind a network that does not answer at once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from photo_files import add_classes

from components.dataset import storage
from components.dataset.options import SurveyOptions
from components.dataset.storage import read_bytes
from components.dataset.survey import survey
from schemas.errors import DataError


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PAUSES", (0.01, 0.01))


def failing(read: Callable[..., bytes], times: int, error: Exception) -> Callable[..., bytes]:
    """Returns what fails so often before it reads."""
    left = [error] * times

    def fail_or_read(*arguments: Any) -> bytes:
        if left:
            raise left.pop()
        return read(*arguments)

    return fail_or_read


NO_ANSWERS = [
    OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)),
    OSError(errno.ESTALE, os.strerror(errno.ESTALE)),
]
UNAVAILABLE = tf.errors.UnavailableError(None, None, "Error executing an HTTP request")


@pytest.mark.parametrize("error", NO_ANSWERS, ids=["timed out", "stale"])
def test_file_behind_a_network_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    monkeypatch.setattr(Path, "read_bytes", failing(Path.read_bytes, 2, error))

    assert read_bytes(str(tmp_path / "file")) == b"content"


def test_remote_file_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with tf.io.gfile.GFile("ram://asked-again", "wb") as stream:
        stream.write(b"content")
    monkeypatch.setattr(tf.io.gfile.GFile, "read", failing(tf.io.gfile.GFile.read, 2, UNAVAILABLE))

    assert read_bytes("ram://asked-again") == b"content"


def test_remote_file_that_is_never_answered_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with tf.io.gfile.GFile("ram://never", "wb") as stream:
        stream.write(b"content")
    monkeypatch.setattr(tf.io.gfile.GFile, "read", failing(tf.io.gfile.GFile.read, 9, UNAVAILABLE))

    with pytest.raises(DataError) as error:
        read_bytes("ram://never")
    assert str(error.value) == (
        "ram://never cannot be read (error executing an http request); run the same command again "
        "when the network answers."
    )


def test_photo_that_the_network_keeps_back_stops_the_survey_and_is_not_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run would go on without it, and come to another model than the next one."""
    add_classes(tmp_path, "cat", "dog")
    read = Path.read_bytes

    def no_answer(file: Path) -> bytes:
        if file.suffix == ".jpg":
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", no_answer)

    with pytest.raises(DataError) as error:
        survey(str(tmp_path), SurveyOptions())
    assert str(error.value) == (
        f"{tmp_path}/cat/000.jpg cannot be read (connection timed out); run the same command again "
        "when the network answers."
    )


def test_file_that_cannot_be_read_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = OSError(errno.EIO, os.strerror(errno.EIO))
    monkeypatch.setattr(Path, "read_bytes", failing(Path.read_bytes, 1, broken))

    with pytest.raises(OSError, match="Input/output error"):
        read_bytes(str(tmp_path / "file"))
