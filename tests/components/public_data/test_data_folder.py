"""Tests of what becomes of an archive: a data folder, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from public_server import CLOSED, archive_content, dataset_of

from components.public_data import data_folder as module
from components.public_data.data_folder import (
    MARKER,
    check_free,
    check_space,
    holds,
    install,
    partial_file,
    workspace,
)
from components.public_data.registry import PublicDataset
from schemas.errors import ConfigError, DataError

CONTENT = archive_content(photos=1)
LAID_OUT = [MARKER, "LICENSE.txt", "round", "square"]


@pytest.fixture
def dataset() -> PublicDataset:
    return dataset_of(CONTENT, CLOSED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "photos"


def make(dataset: PublicDataset, folder: Path) -> None:
    """Makes the data folder of an archive that was downloaded."""
    with workspace(folder) as place:
        archive = partial_file(folder, dataset)
        archive.write_bytes(CONTENT)
        install(dataset, archive, folder, place)
        archive.unlink()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as error:
        check_free(folder)
    return str(error.value)


def test_class_folders_licence_and_marker_are_all_there_is(
    dataset: PublicDataset, folder: Path
) -> None:
    make(dataset, folder)

    assert names(folder.parent) == ["photos"]
    assert names(folder) == LAID_OUT
    assert names(folder / "round") == ["0.jpg"]
    assert json.loads((folder / MARKER).read_text()) == {
        "name": "shapes",
        "url": dataset.url,
        "sha256": dataset.sha256,
    }
    assert holds(folder, dataset)


def test_empty_folder_stays_the_same_folder(dataset: PublicDataset, folder: Path) -> None:
    """It may be the working directory of the shell."""
    folder.mkdir(parents=True)
    check_free(folder)
    before = folder.stat().st_ino

    make(dataset, folder)

    assert folder.stat().st_ino == before
    assert names(folder) == LAID_OUT


def test_folder_of_another_archive_or_without_a_class_does_not_hold_the_set(
    dataset: PublicDataset, folder: Path
) -> None:
    assert not holds(folder, dataset)
    make(dataset, folder)
    assert not holds(folder, dataset_of(archive_content(seed=2), CLOSED))
    (folder / "round").rename(folder / "circle")
    assert not holds(folder, dataset)
    (folder / "circle").rename(folder / "round")
    assert holds(folder, dataset)
    (folder / MARKER).write_text("{")
    assert not holds(folder, dataset)


def test_place_that_is_taken_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "mine.txt").touch()

    assert refusal(folder) == (
        f"{folder} is not empty; name a folder that is empty or does not exist yet."
    )
    assert refusal(folder / "mine.txt") == f"{folder}/mine.txt is a file; name a folder."
    assert refusal(Path("/proc")) == (
        "/proc is a disk of its own; name a folder in it, such as /proc/photos."
    )
    latin = Path(os.fsdecode(bytes(folder) + b"\xe9"))
    assert refusal(latin) == f"{str(latin)!r}: the name is not UTF-8; name another folder."


def test_unpacking_that_fails_leaves_the_archive_and_no_folder(
    dataset: PublicDataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(_: Path, unpacked: Path) -> None:
        unpacked.mkdir()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "unpack", unpack)
    with pytest.raises(DataError) as error:
        make(dataset, folder)

    assert str(error.value) == (
        f"{folder}: shapes.tgz could not be unpacked there (No space left on device); mend that "
        "and run the same command again."
    )
    assert names(folder.parent) == [".photos.shapes.tgz.partial"]


def test_too_little_space_is_said_beforehand(
    dataset: PublicDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_space(tmp_path / "photos", dataset, dataset.size)

    monkeypatch.setattr(
        module.shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * dataset.size)
    )
    check_space(tmp_path / "photos", dataset, dataset.size // 2)
    with pytest.raises(DataError) as error:
        check_space(tmp_path / "photos", dataset, dataset.size)

    assert str(error.value) == (
        f"{tmp_path}: shapes needs 0.3 MB of disk space, and 0.2 MB are free; free some, or name a "
        "folder on another disk."
    )


def test_workspace_of_a_killed_process_is_taken_over_and_that_of_a_living_one_is_not(
    folder: Path,
) -> None:
    left = folder.parent / ".photos.fetching" / "unpacked" / "deep"
    left.mkdir(parents=True)

    with workspace(folder) as place:
        assert names(place) == []
        with pytest.raises(DataError) as error, workspace(folder):
            pass

    assert str(error.value) == (
        f"Another process is fetching into {folder}; wait for it, or name another folder."
    )
    assert names(folder.parent) == []


def test_place_that_cannot_be_written_to_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "photos"

    with pytest.raises(ConfigError) as error, workspace(folder):
        pass

    assert str(error.value) == (
        f"Cannot write beside {folder} (Not a directory); name a folder whose parent can be "
        "written to."
    )
