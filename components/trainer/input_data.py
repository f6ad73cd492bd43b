"""Reads transformed examples as batches of photos and class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from schemas import features

# Records whose order is mixed at a time: bounds memory, whatever the number of photos.
_SHUFFLE_BUFFER = 4096


def photo_dataset(
    file_patterns: Sequence[str], classes: Sequence[str], *, image_size: int, batch_size: int
) -> tf.data.Dataset:
    """Returns the photos of a split in a fixed order.

    Args:
        file_patterns: of gzipped TFRecords that Transform wrote.
        classes: names of the classes in the order of their numbers.
        image_size: pixels on each side.
        batch_size: photos in a batch; the last may have fewer.

    Returns:
        Batches of uint8 (batch, image_size, image_size, 3) in [0, 255] and int64 (batch,).
    """
    return _decoded(_records(file_patterns), classes, image_size, batch_size)


def training_dataset(
    file_patterns: Sequence[str],
    classes: Sequence[str],
    *,
    image_size: int,
    batch_size: int,
    seed: int,
    augmentation: keras.Sequential,
) -> tf.data.Dataset:
    """Returns the photos of a split, in another order and changed anew in each epoch.

    Args:
        file_patterns: as in `photo_dataset`.
        classes: as in `photo_dataset`.
        image_size: as in `photo_dataset`.
        batch_size: as in `photo_dataset`.
        seed: of the order.
        augmentation: from `augmentation_layers`.

    Returns:
        Batches of float32 (batch, image_size, image_size, 3) in [0, 255] and int64 (batch,).
    """
    records = _records(file_patterns).shuffle(_SHUFFLE_BUFFER, seed=seed)
    photos = _decoded(records, classes, image_size, batch_size)
    return photos.map(
        lambda photo, label: (augmentation(tf.cast(photo, tf.float32), training=True), label),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)


def augmentation_layers(
    *, rotation: float, width_shift: float, height_shift: float, horizontal_flip: bool, seed: int
) -> keras.Sequential:
    """Returns the random changes to training photos; gaps are filled with the nearest pixel.

    Args:
        rotation: at most this many degrees each way.
        width_shift: at most this share of the width each way.
        height_shift: at most this share of the height each way.
        horizontal_flip: mirror every second photo.
        seed: of the changes.
    """
    layers: list[keras.layers.Layer] = []
    if horizontal_flip:
        layers.append(keras.layers.RandomFlip("horizontal", seed=seed))
    if rotation:
        layers.append(
            keras.layers.RandomRotation(rotation / 360, fill_mode="nearest", seed=seed + 1)
        )
    if width_shift or height_shift:
        layers.append(
            keras.layers.RandomTranslation(
                height_shift, width_shift, fill_mode="nearest", seed=seed + 2
            )
        )
    return keras.Sequential(layers, name="augmentation")


def _records(file_patterns: Sequence[str]) -> tf.data.Dataset:
    files = sorted(file for pattern in file_patterns for file in tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    # Keras warns at the end of each epoch of a data set whose size it does not know.
    count = records.reduce(tf.constant(0, tf.int64), lambda total, _: total + 1)
    return records.apply(tf.data.experimental.assert_cardinality(count))


def _decoded(
    records: tf.data.Dataset, classes: Sequence[str], image_size: int, batch_size: int
) -> tf.data.Dataset:
    spec = {
        features.IMAGE_XF: tf.io.FixedLenFeature([], tf.string),
        features.LABEL_XF: tf.io.FixedLenFeature([], tf.string),
    }
    numbers = class_numbers(classes)

    def decode(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example: dict[str, Any] = tf.io.parse_single_example(record, spec)
        photo = tf.io.decode_png(example[features.IMAGE_XF], channels=3)
        photo = tf.ensure_shape(photo, (image_size, image_size, 3))
        return photo, numbers.lookup(example[features.LABEL_XF])

    photos = records.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    return photos.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def class_numbers(classes: Sequence[str]) -> tf.lookup.StaticHashTable:
    """Returns the table from class name to number; -1 for a class never seen in training."""
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(
            tf.constant(list(classes)), tf.range(len(classes), dtype=tf.int64)
        ),
        default_value=-1,
    )
