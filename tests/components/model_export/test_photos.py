"""Tests of the choice of photos."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf

from components.dataset.options import SurveyOptions
from components.dataset.survey import survey
from components.model_export.photos import DataPhotos, RunPhotos, choose
from schemas.errors import DataError

LABELS = ["many"] * 80 + ["few"] * 3 + ["some"] * 20


def test_classes_are_chosen_equally_as_far_as_there_are_photos() -> None:
    chosen = choose(LABELS, 23)

    assert Counter(LABELS[number] for number in chosen) == {"many": 10, "few": 3, "some": 10}


def test_choice_is_the_same_each_time_and_in_order() -> None:
    assert choose(LABELS, 30) == choose(LABELS, 30) == sorted(choose(LABELS, 30))


def test_choice_is_at_random_not_the_first() -> None:
    assert choose(["one"] * 100, 10) != list(range(10))


def test_few_photos_are_all_chosen() -> None:
    assert choose(LABELS, 1000) == list(range(len(LABELS)))
    assert choose([], 10) == []


def write_examples(folder: Path, split: str, photos: list[tuple[bytes, bytes]]) -> None:
    (folder / f"Split-{split}").mkdir(parents=True)
    file = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for content, label in photos:
            values = {"image": content, "label": label}
            feature = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for name, value in values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())


def test_photos_of_a_run_are_those_of_the_split(tmp_path: Path) -> None:
    write_examples(tmp_path, "train", [(b"a", b"x")])
    write_examples(tmp_path, "eval", [(b"b", b"x"), (b"c", b"y"), (b"d", b"y")])

    assert RunPhotos(tmp_path).read("eval", 10) == [b"b", b"c", b"d"]
    chosen = RunPhotos(tmp_path).read("eval", 2)
    assert chosen[0] == b"b"
    assert len(chosen) == 2


def test_examples_that_are_gone_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        RunPhotos(tmp_path).read("eval", 10)

    assert str(raised.value) == (
        f"{tmp_path} holds no eval photos any more; give photos with --data, or run the pipeline "
        "again."
    )


def test_photos_of_a_data_folder_are_read_by_split() -> None:
    found = survey("samples/photos", SurveyOptions())
    expected = [photo for photo in found.photos if photo.split == "eval"]

    contents = DataPhotos(found).read("eval", 1000)

    assert contents == [Path(found.root, photo.path).read_bytes() for photo in expected]


def test_data_folder_without_photos_of_a_split_is_one_sentence() -> None:
    found = survey("samples/photos", SurveyOptions())

    with pytest.raises(DataError) as raised:
        DataPhotos(found).read("test", 10)

    assert str(raised.value) == (
        f"--data {found.root} holds no photos for test; give more photos of each class."
    )
