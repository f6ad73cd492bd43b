"""What the trained classifier says of some photos, for the served model to be compared with.

Computed by the Keras model in memory, before it is exported: nothing of the SavedModel takes part.
The evaluation photos are those that Transform decoded and resized; the raw files they came from
are found by their hash, so that the comparison covers decoding, too. The others are made here.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from components.dataset.image_file import ORIENTATION_TAG
from components.trainer.input_data import Labels
from components.transform.preprocessing import decode_photos
from schemas import features

# Below a model run: beside TensorBoard's logs, not beside the model, which is pushed.
_FOLDER = "serving_reference"
_FILE = "reference.json"

EVALUATION_PHOTOS = 16

# Bounds memory: all layers of a large backbone are computed for so many photos at a time.
BATCH_SIZE = 8

# A phone's photo, and its size on its side; width and height in pixels.
_PHONE = (640, 480)
_HUGE = (6000, 4000)
_ON_ITS_SIDE = 6


@dataclass(frozen=True)
class MadePhoto:
    """A photo such as people send, made of an evaluation photo.

    Attributes:
        name: what is special about it.
        content: of the file.
        probabilities: of the classes, in training.
    """

    name: str
    content: bytes
    probabilities: list[float]


@dataclass(frozen=True)
class ServingReference:
    """What the training process says of some photos.

    Attributes:
        classes: names, in the order of the probabilities.
        half_precision: whether the classifier computes in 16 bits.
        made: photos of many kinds.
        evaluation: probabilities of the classes, by `schemas.features.SOURCE_XF` of raw examples.
    """

    classes: list[str]
    half_precision: bool
    made: list[MadePhoto]
    evaluation: dict[int, list[float]]


def write_reference(
    model_run: str, classifier: keras.Model, labels: Labels, eval_files: Sequence[str]
) -> None:
    """Writes what a classifier says of evaluation photos, and of photos made of them.

    On the CPU, where the served model is asked, too: a GPU rounds otherwise.

    Args:
        model_run: folder of the ModelRun artifact.
        classifier: from `build_classifier`.
        labels: names in the order of the classifier's outputs.
        eval_files: patterns of gzipped TFRecords that Transform wrote.
    """
    size = classifier.input_shape[1]
    with tf.device("/CPU:0"):
        sources, photos = _evaluation_photos(eval_files, size)
        made = make_photos(photos)
        decoded = [decode_photos(tf.constant([content]), size)[0] for content in made.values()]
        answers = _probabilities(classifier, [*photos, *decoded])
    folder = os.path.join(model_run, _FOLDER)
    tf.io.gfile.makedirs(folder)
    files = [f"{number}.photo" for number in range(len(made))]
    for file, content in zip(files, made.values(), strict=True):
        with tf.io.gfile.GFile(os.path.join(folder, file), "wb") as stream:
            stream.write(content)
    evaluated, of_made = answers[: len(photos)], answers[len(photos) :]
    reference = {
        "classes": list(labels.classes),
        "half_precision": _half_precision(classifier),
        "made": [
            {"name": name, "file": file, "probabilities": row}
            for name, file, row in zip(made, files, of_made, strict=True)
        ],
        "evaluation": [
            {"source": source, "probabilities": row}
            for source, row in zip(sources, evaluated, strict=True)
        ],
    }
    with tf.io.gfile.GFile(os.path.join(folder, _FILE), "w") as stream:
        stream.write(json.dumps(reference, ensure_ascii=False))


def read_reference(model_run: str) -> ServingReference:
    """Reads what `write_reference` wrote.

    Raises:
        tf.errors.NotFoundError: if there is none.
    """
    folder = os.path.join(model_run, _FOLDER)

    def content(name: str) -> bytes:
        with tf.io.gfile.GFile(os.path.join(folder, name), "rb") as stream:
            return bytes(stream.read())

    reference = json.loads(content(_FILE))
    return ServingReference(
        classes=reference["classes"],
        half_precision=reference["half_precision"],
        made=[
            MadePhoto(photo["name"], content(photo["file"]), photo["probabilities"])
            for photo in reference["made"]
        ],
        evaluation={row["source"]: row["probabilities"] for row in reference["evaluation"]},
    )


def make_photos(photos: Sequence[np.ndarray]) -> dict[str, bytes]:
    """Makes photos of the kinds that a model is sent: what is special about each, and its file.

    Args:
        photos: uint8 (size, size, 3), RGB; at least one, taken by turns.
    """
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = _ON_ITS_SIDE

    def image(number: int, size: tuple[int, int] = _PHONE) -> Image.Image:
        return Image.fromarray(photos[number % len(photos)]).resize(size)

    return {
        "a JPEG": _file(image(0), "JPEG"),
        "a PNG": _file(image(1), "PNG"),
        "a grey JPEG": _file(image(2).convert("L"), "JPEG"),
        "a grey PNG": _file(image(3).convert("L"), "PNG"),
        "a JPEG turned by EXIF": _file(image(4), "JPEG", exif=exif),
        "a WebP": _file(image(5), "WEBP"),
        "a GIF": _file(image(6), "GIF"),
        "a BMP": _file(image(7), "BMP"),
        "a JPEG of 6000 x 4000 pixels": _file(image(8, _HUGE), "JPEG"),
        "a PNG of one pixel": _file(image(9, (1, 1)), "PNG"),
    }


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _evaluation_photos(patterns: Sequence[str], size: int) -> tuple[list[int], list[np.ndarray]]:
    """Returns source and pixels, uint8 (size, size, 3), of the first photos of different files."""
    spec = {
        features.IMAGE_XF: tf.io.FixedLenFeature([], tf.string),
        features.SOURCE_XF: tf.io.FixedLenFeature([], tf.int64),
    }
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    found: dict[int, np.ndarray] = {}
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
        example = tf.io.parse_single_example(record, spec)
        photo = tf.io.decode_png(example[features.IMAGE_XF], channels=3)
        found.setdefault(
            int(example[features.SOURCE_XF]), tf.ensure_shape(photo, (size, size, 3)).numpy()
        )
        if len(found) == EVALUATION_PHOTOS:
            break
    return list(found), list(found.values())


def _probabilities(classifier: keras.Model, photos: Sequence[Any]) -> list[list[float]]:
    """Asks the Keras model; a sigmoid unit is the probability of the second of two classes."""
    rows: list[list[float]] = []
    for start in range(0, len(photos), BATCH_SIZE):
        batch = tf.cast(tf.stack(photos[start : start + BATCH_SIZE]), tf.float32)
        answers = np.asarray(classifier(batch, training=False))
        if answers.shape[1] == 1:
            answers = np.concatenate([1 - answers, answers], axis=1)
        rows.extend(answers.tolist())
    return rows


def _half_precision(model: keras.Model) -> bool:
    layers: Iterable[Any] = model._flatten_layers()
    return any(layer.compute_dtype in {"float16", "bfloat16"} for layer in layers)
