"""Tests of the output folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from photo_files import nobody, public_folder

from pipelines.folders import OutputFolders, closed_part, prepare_output
from schemas.errors import ConfigError

NOBODY = 65534


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("artifacts", "artifacts"),
        ("metadata", "metadata.sqlite"),
        ("models", "models"),
        ("runs", "runs"),
        ("corrections", "corrections.csv"),
    ],
)
def test_part_lies_below_the_root(part: str, path: str) -> None:
    assert getattr(OutputFolders(Path("/out")), part) == Path("/out", path)


def test_output_folder_is_made_with_its_parents_and_holds_no_probe(tmp_path: Path) -> None:
    folders = prepare_output(tmp_path / "a" / "b")

    assert folders == OutputFolders(tmp_path / "a" / "b")
    assert [path.name for path in folders.root.iterdir()] == ["runs"]


def test_relative_output_folder_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert prepare_output(Path("out")).root == tmp_path / "out"


def test_what_the_output_folder_holds_is_kept(tmp_path: Path) -> None:
    model = prepare_output(tmp_path).models / "1" / "saved_model.pb"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"model")

    prepare_output(tmp_path)

    assert model.read_bytes() == b"model"


@pytest.mark.parametrize("below", ["", "deep/er"], ids=["file", "below a file"])
def test_output_that_is_a_file_is_refused(tmp_path: Path, below: str) -> None:
    file = tmp_path / "out"
    file.write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigError) as error:
        prepare_output(file / below)

    assert str(error.value) == (
        f"--output {file / below}: cannot write there (Not a directory); name a folder, or one "
        "that can be made."
    )
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that others may read but not write, seen as another user if this is root."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "runs").mkdir()
        Path(name).chmod(0o555)
        if root:
            os.seteuid(NOBODY)
        try:
            if not os.access(name, os.R_OK | os.X_OK, effective_ids=True):
                pytest.skip(f"{name} cannot be opened to another user")
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)
            Path(name).chmod(0o755)


@pytest.mark.parametrize("below", ["", "new"], ids=["folder itself", "new folder in it"])
def test_output_without_permission_is_refused(closed: Path, below: str) -> None:
    with pytest.raises(ConfigError) as error:
        prepare_output(closed / below)

    assert str(error.value) == (
        f"--output {closed / below}: cannot write there (Permission denied); name a folder, or "
        "one that can be made."
    )


@pytest.mark.parametrize("part", ["runs", "artifacts", "models", "metadata.sqlite"])
def test_part_of_the_output_that_is_another_user_s_is_named(part: str) -> None:
    """As after a run in a container, whose user is another one."""
    with public_folder() as folder:
        folder.chmod(0o777)
        output = OutputFolders(folder)
        for place in (output.runs, output.artifacts, output.models):
            place.mkdir(mode=0o777)
            place.chmod(0o777)
        output.metadata.touch()
        output.metadata.chmod(0o666)
        closed = folder / part
        closed.chmod(closed.stat().st_mode & ~0o222)

        with nobody():
            assert closed_part(output) == closed
            with pytest.raises(ConfigError) as error:
                prepare_output(folder)

    assert str(error.value) == (
        f"--output {folder}: cannot write to {part} in it, which may be another user's; make it "
        "writable, or name another folder."
    )


def test_output_that_is_gone_cannot_be_written_to(tmp_path: Path) -> None:
    output = prepare_output(tmp_path / "out")
    assert closed_part(output) is None

    shutil.rmtree(output.root)

    assert closed_part(output) == output.root
