"""Tests of reading artifacts without TensorFlow."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from review.files import is_missing, local_folder, read_object, read_table, size_of
from review.records import Artifact

NOW = datetime.now(UTC)


def artifact(uri: str | Path) -> Artifact:
    return Artifact(1, "Model", str(uri), "live", NOW, NOW)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("/a/b", Path("/a/b")),
        ("file:///a/b", Path("/a/b")),
        ("gs://bucket/a", None),
        ("", None),
    ],
)
def test_only_what_is_on_this_machine_has_a_folder(uri: str, folder: Path | None) -> None:
    assert local_folder(artifact(uri)) == folder


def test_what_lies_elsewhere_is_not_called_missing(tmp_path: Path) -> None:
    assert not is_missing(artifact("gs://bucket/a"))
    assert not is_missing(artifact(tmp_path))
    assert is_missing(artifact(tmp_path / "gone"))


def test_size_is_that_of_all_files_and_of_no_link(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a").write_text("12345")
    (tmp_path / "in" / "b").write_text("12")
    (tmp_path / "big").write_text("1" * 1000)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "big")

    length = len(str(tmp_path / "big"))
    assert size_of(tmp_path / "in") == 7 + length
    assert size_of(tmp_path / "gone") == 0


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00"])
def test_what_is_no_object_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)

    assert read_object(artifact(tmp_path), "a.json") is None
    assert read_object(artifact(tmp_path), "b.json") is None


def test_table_with_odd_names_is_read_as_it_was_written(tmp_path: Path) -> None:
    names = ["a\nb", 'c,"d"', "e\x85f\u2028g", ""]
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "label"])
        writer.writerows([name, "x"] for name in names)

    rows = read_table(artifact(tmp_path), "t.csv")

    assert rows is not None
    assert [row["path"] for row in rows] == names
    assert read_table(artifact(tmp_path), "u.csv") is None
