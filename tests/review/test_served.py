"""Tests of telling which version is in service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.folders import OutputFolders
from review.served import served_version, versions_in_service


def pushed(output: OutputFolders, name: str, record: object) -> None:
    folder = output.models / name / "assets.extra"
    folder.mkdir(parents=True)
    text = record if isinstance(record, str) else json.dumps(record)
    (folder / "warmstart.json").write_text(text, encoding="utf-8")
    (output.models / name / "saved_model.pb").touch()


def test_highest_number_is_served(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    for number in (9, 10, 1):
        pushed(output, str(number), {"run_id": f"run {number}", "pushed_at": "then"})

    found = versions_in_service(output)

    assert [(one.number, one.run, one.is_served) for one in found] == [
        (10, "run 10", True),
        (9, "run 9", False),
        (1, "run 1", False),
    ]
    assert served_version(output) == found[0]


def test_promoted_version_says_what_it_is_a_copy_of(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    pushed(output, "3", {"run_id": "a", "copy_of": 1})

    found = served_version(output)

    assert found is not None
    assert (found.copy_of, found.pushed_at) == (1, None)


@pytest.mark.parametrize(
    "record", ["", "{", "[]", "3", "[" * 50_000, {"run_id": 3, "copy_of": "x"}]
)
def test_version_whose_record_is_none_is_in_service(tmp_path: Path, record: object) -> None:
    output = OutputFolders(tmp_path)
    pushed(output, "7", record)

    found = served_version(output)

    assert found is not None
    assert (found.number, found.run, found.copy_of) == (7, None, None)


def test_what_is_no_version_is_left_out(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    for name in (".withdrawn", "12.partial", "latest", "-1"):
        pushed(output, name, {})
    (output.models / "5").write_text("a file")
    (output.models / "6").symlink_to(tmp_path)
    (output.models / "7").mkdir()

    assert versions_in_service(output) == []


def test_without_a_folder_of_models_nothing_is_served(tmp_path: Path) -> None:
    assert served_version(OutputFolders(tmp_path)) is None
    (tmp_path / "models").write_text("a file")
    assert served_version(OutputFolders(tmp_path)) is None
