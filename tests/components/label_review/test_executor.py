"""Tests of the executor: that each photo meets its own embedding, path and label."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.dataset.image_file import Inspection
from components.dataset.survey import Photo
from components.embedder import artifact
from components.embedder.artifact import Embeddings
from components.image_example_gen.artifact import Quarantine
from components.image_example_gen.quarantine import write_photos
from components.label_review.artifact import LabelSuspicions
from components.label_review.executor import Executor
from components.label_review.list_files import read_suspicions
from components.transform.preprocessing import source_of
from schemas import features
from schemas.corrections import KEEP, RELABEL, Correction, as_property
from schemas.errors import PipelineError

CHANNELS = 16
PER_CLASS = 20
CLASSES = ("Kätz\nchen", "dog")


def record(**values: bytes) -> bytes:
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write(file: Path, records: list[bytes], compression: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file), compression) as writer:
        for one in records:
            writer.write(one)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Inputs:
    """Examples and embeddings as the components before write them.

    A photo is a pair of path and content; what it shows, cluster 0 or 1, is its content's first
    byte, and all after a `#` is lost when it is decoded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.examples, self.embeddings = standard_artifacts.Examples(), Embeddings()
        self.examples.split_names = json.dumps(["train", "eval"])
        self.examples.uri, self.embeddings.uri = str(folder / "examples"), str(folder / "embedded")
        self.quarantine = Quarantine()
        self.quarantine.uri = str(folder / "quarantine")
        Path(self.quarantine.uri).mkdir()
        self.output = LabelSuspicions()
        self.output.uri = str(folder / "output")
        Path(self.output.uri).mkdir()
        self.photos = {"train": [], "eval": []}
        for number in range(PER_CLASS):
            for shown, label in enumerate(CLASSES):
                split = "eval" if number % 4 == 0 else "train"
                self.add(split, f"{label}/{number}.jpg", f"{shown}{number}")

    def add(self, split: str, path: str, content: str) -> None:
        self.photos[split].append((path, content.encode()))

    def write(self) -> None:
        for split, photos in self.photos.items():
            folder = Path(self.examples.uri, f"Split-{split}")
            raw = [
                record(
                    **{
                        features.IMAGE: content,
                        features.PATH: path.encode(),
                        features.LABEL: path.split("/")[0].encode(),
                    }
                )
                for path, content in photos
            ]
            write(folder / "data_tfrecord-00000-of-00002.gz", raw[:3], "GZIP")
            write(folder / "data_tfrecord-00001-of-00002.gz", raw[3:], "GZIP")
            rows, index = [], []
            # In another order than the examples, as Beam may write them.
            for path, content in reversed(photos):
                label = path.split("/")[0].encode()
                shown = content.split(b"#")[0]
                digest = hashlib.sha256(shown).digest()
                random = np.random.default_rng(int(shown))
                embedding = random.normal(size=CHANNELS) + 4 * int(shown[:1])
                rows.append(
                    record(
                        digest=digest, label=label, embedding=embedding.astype(np.float32).tobytes()
                    )
                )
                source = int(source_of(tf.constant([content]))[0])
                index.append(artifact.index_record(digest, source, label))
            for name, records in (
                (artifact.view_prefix(self.embeddings.uri, split, 0), rows),
                # Changed views must not be read.
                (artifact.view_prefix(self.embeddings.uri, split, 1), rows[:0]),
                (artifact.index_prefix(self.embeddings.uri, split), index),
            ):
                write(Path(name + "-00000-of-00001.tfrecord"), records)

        write_photos(
            self.quarantine.uri,
            [
                Photo(path, path.split("/")[0], Inspection(sha256(content), 1), split)
                for split, photos in self.photos.items()
                for path, content in photos
            ],
        )

    def review(self, *corrections: Correction) -> list[tuple[str, str, str]]:
        """Runs the executor; returns path, suggested class and split of what looks wrong."""
        for former in Path(self.output.uri).iterdir():
            former.unlink()
        Executor().Do(
            {
                "examples": [self.examples],
                "embeddings": [self.embeddings],
                "quarantine": [self.quarantine],
            },
            {"suspicions": [self.output]},
            {"seed": 42, "corrections": as_property(corrections), "code_digest": ""},
        )
        found = read_suspicions(self.output.uri)
        return sorted((s.path, s.suggested, s.split) for s in found)

    def count(self, name: str) -> Any:
        return self.output.get_int_custom_property(name)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


def test_labels_that_fit_are_not_named(inputs: Inputs) -> None:
    inputs.write()

    assert inputs.review() == []
    assert (inputs.count("photos"), inputs.count("suspicions")) == (2 * PER_CLASS, 0)


def test_photo_is_named_by_its_path_in_either_split(inputs: Inputs) -> None:
    inputs.add("train", "dog/märz.jpg", "0100")
    inputs.add("eval", "Kätz\nchen/b.jpg", "1101")
    inputs.write()

    assert inputs.review() == [
        ("Kätz\nchen/b.jpg", "dog", "eval"),
        ("dog/märz.jpg", "Kätz\nchen", "train"),
    ]
    assert inputs.count("suspicions") == 2


def test_copies_are_named_by_path_and_split(inputs: Inputs) -> None:
    """Equal files lie in one split; files that only show the same may lie in two."""
    inputs.add("train", "dog/a.jpg", "0100")
    inputs.add("train", "dog/b.jpg", "0100")
    inputs.add("eval", "dog/c.jpg", "0100#recompressed")
    inputs.write()

    assert inputs.review() == [
        ("dog/a.jpg", "Kätz\nchen", "train"),
        ("dog/b.jpg", "Kätz\nchen", "train"),
        ("dog/c.jpg", "Kätz\nchen", "eval"),
    ]


def test_row_of_each_photo_is_told_by_the_digest_of_what_it_shows(inputs: Inputs) -> None:
    inputs.add("eval", "dog/c.jpg", "0100#recompressed")
    inputs.write()

    inputs.review()

    with Path(inputs.output.uri, "embedded.csv").open(encoding="utf-8", newline="") as stream:
        columns, *rows = csv.reader(stream)
    assert columns == ["path", "label", "split", "digest"]
    assert {tuple(row) for row in rows} == {
        (path, path.split("/")[0], split, hashlib.sha256(content.split(b"#")[0]).hexdigest())
        for split, photos in inputs.photos.items()
        for path, content in photos
    }


@pytest.mark.parametrize("name", ["wrong", 'wr\rong, "it" is'])
def test_label_that_a_person_decided_is_not_listed_again(inputs: Inputs, name: str) -> None:
    path = f"dog/{name}.jpg"
    inputs.add("train", path, "0100")
    inputs.add("train", "dog/other.jpg", "0101")
    inputs.write()
    content = sha256(b"0100")
    kept = Correction("where it was.jpg", content, "dog", KEEP)
    relabelled = Correction(path, content, "Kätz\nchen", RELABEL, "dog")
    of_another_label = Correction(path, content, "Kätz\nchen", KEEP)
    of_another_photo = Correction(path, "ab" * 32, "dog", KEEP)
    listed = [("dog/other.jpg", "Kätz\nchen", "train"), (path, "Kätz\nchen", "train")]

    assert sorted(inputs.review(of_another_label, of_another_photo)) == sorted(listed)
    assert inputs.review(kept) == listed[:1]
    assert (inputs.count("suspicions"), inputs.count("decided")) == (1, 1)
    assert inputs.review(relabelled) == listed[:1]
    assert inputs.count("photos") == 2 * PER_CLASS + 2


def test_photos_of_small_classes_are_counted(inputs: Inputs) -> None:
    inputs.add("train", "rare/a.jpg", "0100")
    inputs.add("eval", "rare/b.jpg", "0101")
    inputs.write()

    inputs.review()

    assert (inputs.count("photos"), inputs.count("photos_not_judged")) == (2 * PER_CLASS + 2, 2)


def test_photo_without_an_embedding_is_an_error(inputs: Inputs) -> None:
    inputs.write()
    file = next(Path(inputs.examples.uri, "Split-eval").iterdir())
    added = {features.IMAGE: b"new", features.PATH: b"dog/new.jpg", features.LABEL: b"dog"}
    write(file.with_name("more.gz"), [record(**added)], "GZIP")

    with pytest.raises(PipelineError, match=r"dog/new\.jpg has no embedding"):
        inputs.review()
