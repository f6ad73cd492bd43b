"""Tests of waiting until the disk has what was written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from components.durable import sync, sync_below


def test_every_file_and_folder_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "variables").mkdir()
    files = (tmp_path / "saved_model.pb", tmp_path / "variables" / "variables.index")
    for file in files:
        file.touch()
    synced: list[int] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", noted)

    sync_below(tmp_path)

    places = (*files, tmp_path / "variables", tmp_path)
    assert sorted(synced) == sorted(place.stat().st_ino for place in places)


@pytest.mark.parametrize(
    ("number", "fails"), [(errno.EINVAL, False), (errno.EIO, True)], ids=["cannot", "failed"]
)
def test_disk_that_fails_is_an_error_and_one_that_cannot_do_it_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, fails: bool
) -> None:
    def refused(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refused)

    if fails:
        with pytest.raises(OSError, match="Input/output error"):
            sync(tmp_path)
    else:
        sync(tmp_path)
