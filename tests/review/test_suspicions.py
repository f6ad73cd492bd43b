"""Tests of reading which labels look wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from placed_artifacts import placed

from components.label_review.artifact import write_suspicions
from components.label_review.suspicions import LabelSuspicion
from review.suspicions import Suspicion, suspicions_in

HEAD = "path,class,suggested,self_confidence,confidence,split\n"


def test_labels_are_read_as_label_review_wrote_them(tmp_path: Path) -> None:
    files, artifact = placed(tmp_path, {})
    assert suspicions_in(files, artifact) is None

    written = LabelSuspicion('two\nlines/a,"b".jpg', "two\nlines", "猫", 0.25, 0.75, "train")
    write_suspicions(artifact.uri, [written])
    assert suspicions_in(files, artifact) == [
        Suspicion('two\nlines/a,"b".jpg', "two\nlines", "猫", 0.25, 0.75, "train")
    ]


def test_no_doubtful_label_is_an_empty_list(tmp_path: Path) -> None:
    files, artifact = placed(tmp_path, {})

    write_suspicions(artifact.uri, [])

    assert suspicions_in(files, artifact) == []


@pytest.mark.parametrize(
    "row",
    ["a,b\n", "a,b,c,high,0.5,train\n", "a,b,c,0.5,nan,train\n", "a,b,c,0.5,0.5\n", "\xff\n"],
)
def test_list_of_something_else_is_none(tmp_path: Path, row: str) -> None:
    files, artifact = placed(tmp_path, {"suspicions.csv": (HEAD + row).encode("latin-1")})

    assert suspicions_in(files, artifact) is None
