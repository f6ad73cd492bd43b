"""Tests of the Quarantine artifact."""

from __future__ import annotations

from pathlib import Path

from components.image_example_gen.photos import Problem

from components.image_example_gen.quarantine import (
    quarantine_file,
    read_quarantine,
    write_quarantine,
)


def test_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    problems = [
        Problem('two\nlines/a,"b".jpg', "two\nlines", "ab" * 32, "empty", 0),
        Problem("Kätzchen/猫.jpg", "Kätzchen", "cd" * 32, "cannot be decoded", 12),
    ]

    write_quarantine(str(tmp_path), problems)

    assert read_quarantine(str(tmp_path)) == problems
    first, *_ = Path(quarantine_file(str(tmp_path))).read_text(encoding="utf-8").splitlines()
    assert first == "path,class,reason,bytes,sha256"
    assert [path.name for path in tmp_path.iterdir()] == ["quarantine.csv"]


def test_list_may_be_empty(tmp_path: Path) -> None:
    write_quarantine(str(tmp_path), [])

    assert read_quarantine(str(tmp_path)) == []
