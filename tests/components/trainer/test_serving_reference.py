"""Tests of what the training process leaves for the served model to be compared with."""

from __future__ import annotations

import io
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.dataset.image_file import ORIENTATION_TAG
from components.trainer.input_data import Labels
from components.trainer.serving_reference import (
    EVALUATION_PHOTOS,
    make_photos,
    read_reference,
    write_reference,
)
from components.transform.preprocessing import decode_photo

SIZE = 32


def pixels(number: int) -> np.ndarray:
    small = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((SIZE, SIZE)))


def transformed(folder: Path, sources: list[int]) -> str:
    """Writes photos as Transform does; returns the pattern of the files."""
    with tf.io.TFRecordWriter(str(folder / "data-00000-of-00001.gz"), "GZIP") as writer:
        for source in sources:
            png = tf.io.encode_png(pixels(source)).numpy()
            values = {
                "image_xf": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
                "source_xf": tf.train.Feature(int64_list=tf.train.Int64List(value=[source])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=values))
            writer.write(example.SerializeToString())
    return str(folder / "data-*")


def classifier(width: int, dtype: str = "float32") -> keras.Model:
    keras.utils.set_random_seed(1)
    photos = keras.Input((SIZE, SIZE, 3))
    outputs = keras.layers.Rescaling(1 / 255, dtype=dtype)(photos)
    outputs = keras.layers.Flatten()(outputs)
    activation = "sigmoid" if width == 1 else "softmax"
    return keras.Model(photos, keras.layers.Dense(width, activation)(outputs))


@pytest.mark.parametrize(("classes", "width"), [(["a", "b"], 1), (["a", "b", "ç\n"], 3)])
def test_answers_are_those_of_the_keras_model(
    tmp_path: Path, classes: list[str], width: int
) -> None:
    model = classifier(width)
    pattern = transformed(tmp_path, [5, 3, 5, 4])

    write_reference(str(tmp_path), model, Labels(classes), [pattern])
    reference = read_reference(str(tmp_path))

    assert reference.classes == classes
    assert not reference.half_precision
    assert list(reference.evaluation) == [5, 3, 4]
    for source, row in reference.evaluation.items():
        wanted = model(pixels(source)[np.newaxis].astype(np.float32)).numpy()[0]
        np.testing.assert_allclose(row[-width:], wanted, atol=1e-6)
        assert sum(row) == pytest.approx(1, abs=1e-6)
    for made in reference.made:
        photo = decode_photo(tf.constant(made.content), SIZE).numpy()
        wanted = model(photo[np.newaxis].astype(np.float32)).numpy()[0]
        np.testing.assert_allclose(made.probabilities[-width:], wanted, atol=1e-6)


def test_only_so_many_evaluation_photos_are_taken(tmp_path: Path) -> None:
    pattern = transformed(tmp_path, list(range(EVALUATION_PHOTOS + 3)))

    write_reference(str(tmp_path), classifier(3), Labels(["a", "b", "c"]), [pattern])

    evaluation = read_reference(str(tmp_path)).evaluation
    assert list(evaluation) == list(range(EVALUATION_PHOTOS))


def test_half_precision_is_noted(tmp_path: Path) -> None:
    pattern = transformed(tmp_path, [1])

    write_reference(
        str(tmp_path), classifier(3, "mixed_float16"), Labels(["a", "b", "c"]), [pattern]
    )

    assert read_reference(str(tmp_path)).half_precision


def test_run_without_reference_has_none(tmp_path: Path) -> None:
    with pytest.raises(tf.errors.NotFoundError):
        read_reference(str(tmp_path))


def test_photos_are_of_the_kinds_that_people_send() -> None:
    found = {}
    for name, content in make_photos([pixels(1), pixels(2)]).items():
        with Image.open(io.BytesIO(content)) as image:
            orientation = image.getexif().get(ORIENTATION_TAG, 1)
            found[name] = (image.format, image.mode, image.size, orientation)

    assert found["a JPEG"] == ("JPEG", "RGB", (640, 480), 1)
    assert found["a PNG"] == ("PNG", "RGB", (640, 480), 1)
    assert found["a grey JPEG"] == ("JPEG", "L", (640, 480), 1)
    assert found["a JPEG turned by EXIF"] == ("JPEG", "RGB", (640, 480), 6)
    assert found["a JPEG of 6000 x 4000 pixels"] == ("JPEG", "RGB", (6000, 4000), 1)
    assert found["a PNG of one pixel"] == ("PNG", "RGB", (1, 1), 1)
    assert {kind for kind, *_ in found.values()} == {"JPEG", "PNG", "WEBP", "GIF", "BMP"}
