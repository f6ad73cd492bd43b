"""Tests of reading artifacts without TensorFlow."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from review.files import ArtifactFile, ArtifactFiles, is_missing, local_folder, size_of
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


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00", "[" * 100_000])
def test_what_is_no_object_is_none(tmp_path: Path, text: str) -> None:
    folder = made_folder(tmp_path, {"a.json": text})
    files = ArtifactFiles(tmp_path)

    assert files.read_object(artifact(folder), "a.json") is None
    assert files.read_object(artifact(folder), "b.json") is None


def test_table_with_odd_names_is_read_as_it_was_written(tmp_path: Path) -> None:
    names = ["a\nb", 'c,"d"', "e\x85f\u2028g", ""]
    folder = made_folder(tmp_path, {})
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "label"])
        writer.writerows([name, "x"] for name in names)

    rows = ArtifactFiles(tmp_path).read_table(artifact(folder), "t.csv")

    assert rows is not None
    assert [row["path"] for row in rows] == names
    assert ArtifactFiles(tmp_path).read_table(artifact(folder), "u.csv") is None


def test_listing_names_regular_files_and_no_link(tmp_path: Path) -> None:
    folder = made_folder(tmp_path, {"b": "12", "deep/a": "12345"})
    (folder / "link").symlink_to(folder / "b")
    os.mkfifo(folder / "pipe")

    found = ArtifactFiles(tmp_path).listing(artifact(folder))

    assert found == [ArtifactFile("b", 2), ArtifactFile("deep/a", 5)]


@pytest.mark.parametrize(
    "name",
    [
        *("../secret", "/etc/passwd", "deep/../../secret", "", ".", "a\0b"),
        *("gone", "deep", "pipe", "link", "linked/secret", "b/c"),
    ],
)
def test_name_that_leads_elsewhere_is_not_opened(tmp_path: Path, name: str) -> None:
    folder = made_folder(tmp_path / "output", {"b": "12", "deep/a": "12345"})
    (tmp_path / "output" / "secret").write_text("!")
    (tmp_path / "secret").write_text("!")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")

    with pytest.raises(OSError):  # noqa: PT011 (whatever is wrong with it)
        ArtifactFiles(tmp_path / "output").open(artifact(folder), name)


def test_artifact_outside_of_the_folder_is_not_read(tmp_path: Path) -> None:
    inside, outside = (made_folder(tmp_path / name, {"f": name}) for name in ("root", "root-2"))
    files = ArtifactFiles(tmp_path / "root")
    (tmp_path / "root" / "away").symlink_to(outside)
    places = [
        outside,
        tmp_path / "root" / ".." / "root-2" / "artifact",
        tmp_path / "root" / "away",
        tmp_path / "root",
        "gs://bucket/f",
        f"file://host{inside}",
        "",
    ]

    assert files.read_text(artifact(inside), "f") == "root"
    assert files.read_text(artifact(f"file://{inside}"), "f") == "root"
    for place in places:
        assert files.read_text(artifact(place), "f") is None, place
        assert files.listing(artifact(place)) == [], place


def test_folder_that_is_a_link_itself_is_read(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "real", {"f": "here"})
    (tmp_path / "named").symlink_to(tmp_path / "real")
    files = ArtifactFiles(tmp_path / "named")

    assert files.read_text(artifact(folder), "f") == "here"
    assert files.read_text(artifact(tmp_path / "named" / "artifact"), "f") == "here"


def made_folder(root: Path, files: dict[str, str]) -> Path:
    folder = root / "artifact"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder
