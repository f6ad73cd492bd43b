"""Tests of the digest by which TFX's cache notices changed code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from components import code_digest as module
from components.code_digest import code_digest


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two folders of code, in the place of ours."""
    for path in ("trainer/model.py", "trainer/layers/head.py", "schemas/features.py"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"NAME = {path!r}\n", encoding="utf-8")
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    return tmp_path


def change_a_file(root: Path) -> None:
    (root / "trainer" / "model.py").write_text("NAME = 1\n", encoding="utf-8")


def change_a_nested_file(root: Path) -> None:
    (root / "trainer" / "layers" / "head.py").write_text("NAME = 1\n", encoding="utf-8")


def rename_a_file(root: Path) -> None:
    (root / "trainer" / "model.py").rename(root / "trainer" / "network.py")


def add_an_empty_file(root: Path) -> None:
    (root / "trainer" / "__init__.py").touch()


def remove_a_file(root: Path) -> None:
    (root / "trainer" / "model.py").unlink()


def swap_two_files(root: Path) -> None:
    first, second = root / "trainer" / "model.py", root / "trainer" / "layers" / "head.py"
    text = first.read_text(encoding="utf-8")
    first.write_text(second.read_text(encoding="utf-8"), encoding="utf-8")
    second.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        *(change_a_file, change_a_nested_file, rename_a_file),
        *(add_an_empty_file, remove_a_file, swap_two_files),
    ],
    ids=lambda change: str(change.__name__),
)
def test_digest_changes_with_the_code(root: Path, change: Callable[[Path], None]) -> None:
    before = code_digest("trainer")

    change(root)

    assert code_digest("trainer") != before


def test_digest_does_not_change_with_other_folders_files_and_times(root: Path) -> None:
    before = code_digest("trainer")

    (root / "schemas" / "features.py").write_text("NAME = 1\n", encoding="utf-8")
    (root / "trainer" / "notes.md").touch()
    cache = root / "trainer" / "__pycache__" / "model.cpython-311.pyc"
    cache.parent.mkdir()
    cache.touch()
    (root / "trainer" / "model.py").touch()

    assert code_digest("trainer") == before


def test_digest_covers_every_folder_given(root: Path) -> None:
    before = code_digest("trainer", "schemas")

    (root / "schemas" / "features.py").write_text("NAME = 1\n", encoding="utf-8")

    assert code_digest("trainer", "schemas") != before


def test_digest_does_not_depend_on_where_the_project_lies(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_digest("trainer")
    moved = root.rename(root.with_name("moved"))
    monkeypatch.setattr(module, "_ROOT", moved)

    assert code_digest("trainer") == before
    assert re.fullmatch("[0-9a-f]{16}", before)


@pytest.mark.parametrize("folder", ["trainr", "empty"])
def test_folder_without_code_is_refused(root: Path, folder: str) -> None:
    (root / "empty").mkdir()

    with pytest.raises(FileNotFoundError) as error:
        code_digest("trainer", folder)

    assert str(error.value) == f"No Python file in {root / folder}."


def test_project_has_code_in_the_folders_of_its_components() -> None:
    assert code_digest("components/transform", "schemas") != code_digest("components/trainer")
