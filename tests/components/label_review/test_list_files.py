"""Tests of the LabelSuspicions artifact."""

from __future__ import annotations

from pathlib import Path

from components.label_review.list_files import (
    read_suspicions,
    suspicions_file,
    write_suspicions,
)
from components.label_review.suspicions import LabelSuspicion


def test_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    suspicions = [
        LabelSuspicion('two\nlines/a,"b".jpg', "two\nlines", "猫", 0.001234, 0.998766, "train"),
        LabelSuspicion("Kätzchen/猫.jpg", "Kätzchen", "dog", 0.4, 0.6, "eval"),
    ]

    write_suspicions(str(tmp_path), suspicions)

    assert read_suspicions(str(tmp_path)) == suspicions
    first, *_ = Path(suspicions_file(str(tmp_path))).read_text(encoding="utf-8").splitlines()
    assert first == "path,class,suggested,self_confidence,confidence,split"
    assert [path.name for path in tmp_path.iterdir()] == ["suspicions.csv"]


def test_list_may_be_empty(tmp_path: Path) -> None:
    write_suspicions(str(tmp_path), [])

    assert read_suspicions(str(tmp_path)) == []
