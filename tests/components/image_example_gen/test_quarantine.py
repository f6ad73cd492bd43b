"""Tests of the Quarantine artifact."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from components.dataset.image_file import Inspection
from components.dataset.survey import Photo, Problem
from components.image_example_gen.quarantine import (
    quarantine_file,
    read_photos,
    read_survey,
    write_applied,
    write_photos,
    write_quarantine,
    write_survey,
)
from schemas.corrections import Correction, read_corrections


def test_list_is_a_csv_that_other_programs_read(tmp_path: Path) -> None:
    problems = [
        Problem('two\nlines/a,"b".jpg', "two\nlines", "empty", 0, "ab" * 32),
        Problem("Kätzchen/猫.jpg", "Kätzchen", "cannot be decoded", 12, "cd" * 32),
    ]

    write_quarantine(str(tmp_path), problems)

    with Path(quarantine_file(str(tmp_path))).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["path", "class", "reason", "bytes", "sha256"]
    assert rows[1:] == [[p.path, p.label, p.reason, str(p.size), p.digest] for p in problems]
    assert [path.name for path in tmp_path.iterdir()] == ["quarantine.csv"]


def test_list_may_be_empty(tmp_path: Path) -> None:
    write_quarantine(str(tmp_path), [])

    assert Path(quarantine_file(str(tmp_path))).read_text() == "path,class,reason,bytes,sha256\n"


def test_survey_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = {"images": 2, "classes": {"Kätzchen\n": {"train": 1, "eval": 1}}}

    write_survey(str(tmp_path), found)

    assert read_survey(str(tmp_path)) == found
    assert [path.name for path in tmp_path.iterdir()] == ["survey.json"]


def test_photos_are_a_csv_that_other_programs_read(tmp_path: Path) -> None:
    photo = Photo("two\nlines/猫.jpg", "two\nlines", Inspection("ab" * 32, 1), split="eval")

    write_photos(str(tmp_path), [photo])

    with (tmp_path / "photos.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["path", "label", "split", "sha256"],
            ["two\nlines/猫.jpg", "two\nlines", "eval", "ab" * 32],
        ]


@pytest.mark.parametrize("name", ["a.jpg", "carriage\rreturn.jpg", 'a,"b"\r\n.jpg'])
def test_photos_are_read_as_they_were_written(tmp_path: Path, name: str) -> None:
    photos = [
        Photo(path, "cat", Inspection("ab" * 32, 1), split="eval") for path in (name, "last.jpg")
    ]

    write_photos(str(tmp_path), photos)

    assert [row["path"] for row in read_photos(str(tmp_path))] == [name, "last.jpg"]


def test_corrections_whose_old_path_is_not_utf8_are_written(tmp_path: Path) -> None:
    """The photo may have been renamed since."""
    correction = Correction("cat/to\udcffm.jpg", "ab" * 32, "cat", "keep")

    write_applied(str(tmp_path), [correction])

    assert read_corrections(tmp_path / "corrections.csv") == [correction]
