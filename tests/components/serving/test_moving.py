"""Tests of moving a version where folders can be renamed, and where they cannot."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.serving.moving import move_version

FILES = {
    "saved_model.pb": b"graph",
    "variables/variables.index": b"index",
    "assets.extra/saved_model.pb": b"a file of that name, which is not the graph",
}


@pytest.fixture
def version(tmp_path: Path) -> Path:
    folder = tmp_path / "3"
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Refuses to rename a folder, as Cloud Storage FUSE does."""

    def refused(source: Any, target: Any) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(os, "rename", refused)


def test_version_is_renamed_where_that_can_be_done(version: Path, tmp_path: Path) -> None:
    inode = version.stat().st_ino

    move_version(version, tmp_path / "4")

    assert (tmp_path / "4").stat().st_ino == inode
    assert files(tmp_path / "4") == FILES
    assert not version.exists()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSYS, errno.EOPNOTSUPP])
def test_version_is_copied_where_folders_are_not_renamed(
    number: int, version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, number)

    move_version(version, tmp_path / "4")

    assert files(tmp_path / "4") == FILES
    assert not version.exists()


def test_version_goes_to_another_file_system(version: Path) -> None:
    memory = Path("/dev", "shm")
    if not memory.is_dir() or memory.stat().st_dev == version.stat().st_dev:
        pytest.skip("There is one file system only.")
    target = memory / f"warmstart-{os.getpid()}"
    try:
        move_version(version, target)

        assert files(target) == FILES
        assert not version.exists()
    finally:
        shutil.rmtree(target, ignore_errors=True)


def test_graph_comes_last_and_a_copy_that_breaks_off_leaves_no_version(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, errno.EMFILE)
    copy = shutil.copy2

    def breaks_off(source: Any, target: Any, **more: Any) -> Any:
        if str(source) == str(version / "saved_model.pb"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return copy(source, target, **more)

    monkeypatch.setattr(shutil, "copy2", breaks_off)

    with pytest.raises(OSError, match="No space left"):
        move_version(version, tmp_path / "4")

    assert sorted(files(tmp_path / "4")) == sorted(set(FILES) - {"saved_model.pb"})
    assert files(version) == FILES

    monkeypatch.setattr(shutil, "copy2", copy)
    move_version(version, tmp_path / "4")

    assert files(tmp_path / "4") == FILES


def test_other_reasons_are_not_made_up_for(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, errno.EACCES)

    with pytest.raises(PermissionError):
        move_version(version, tmp_path / "4")

    assert not (tmp_path / "4").exists()
    assert files(version) == FILES
