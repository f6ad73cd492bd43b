"""Tests of the digest of an artifact's content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from pipelines.content_digest import content_digest, examples_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "artifact"
    (folder / "Split-eval").mkdir(parents=True)
    (folder / "a.txt").write_text("a" * 100_000)
    (folder / "Split-eval" / "b").write_text("b")
    return folder


def test_copy_has_the_same_digest(folder: Path, tmp_path: Path) -> None:
    digest = content_digest(folder)

    assert digest
    assert digest.startswith("sha256:")
    assert digest == content_digest(shutil.copytree(folder, tmp_path / "copy"))


@pytest.mark.parametrize("most_read", [10**9, 1], ids=["whole", "partial"])
def test_other_name_size_or_content_is_another_digest(folder: Path, most_read: int) -> None:
    digests = {content_digest(folder, most_read)}
    (folder / "a.txt").rename(folder / "c.txt")
    digests.add(content_digest(folder, most_read))
    (folder / "c.txt").write_text("c" * 100_000)
    digests.add(content_digest(folder, most_read))
    (folder / "c.txt").write_text("c" * 100_001)
    digests.add(content_digest(folder, most_read))

    assert len(digests) == 4


def test_digest_of_beginnings_says_so(folder: Path) -> None:
    before = content_digest(folder, most_read=1000)
    (folder / "a.txt").write_text("a" * 99_999 + "b")

    assert before
    assert before.startswith("sha256-of-beginnings:")
    assert content_digest(folder, most_read=1000) == before
    assert content_digest(folder) != before


def test_empty_or_missing_folder_has_none(tmp_path: Path) -> None:
    assert content_digest(tmp_path) is None
    assert content_digest(tmp_path / "missing") is None


def write_examples(file: Path, *labels: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for label in labels:
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[label.encode()]))
            features = tf.train.Features(feature={"label": feature, "path": feature})
            writer.write(tf.train.Example(features=features).SerializeToString())


def test_order_of_examples_and_their_files_do_not_count(tmp_path: Path) -> None:
    write_examples(tmp_path / "one" / "Split-train" / "data-0.gz", "a", "b", "c")
    write_examples(tmp_path / "two" / "Split-train" / "data-0.gz", "c")
    write_examples(tmp_path / "two" / "Split-train" / "data-1.gz", "b", "a")

    assert examples_digest(tmp_path / "one") == examples_digest(tmp_path / "two")


def test_other_example_or_split_is_another_digest(tmp_path: Path) -> None:
    write_examples(tmp_path / "one" / "Split-train" / "data-0.gz", "a", "b")
    write_examples(tmp_path / "two" / "Split-train" / "data-0.gz", "a", "c")
    write_examples(tmp_path / "three" / "Split-eval" / "data-0.gz", "a", "b")

    digests = {examples_digest(tmp_path / name) for name in ("one", "two", "three")}
    assert len(digests) == 3
    assert examples_digest(tmp_path / "four") is None


def test_many_examples_are_digested_as_any_file(tmp_path: Path) -> None:
    write_examples(tmp_path / "Split-train" / "data-0.gz", "a")

    assert examples_digest(tmp_path, most_read=1) == content_digest(tmp_path, most_read=1)
