"""Feeds both stages: rows of embeddings, activations at the cut, or photos.

Every training set runs through a number of epochs, each in an order of its own that depends
on nothing but the seed and the epoch: training that was interrupted goes on exactly as it
would have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from components.embedder import artifact
from components.embedder.artifact import ACTIVATIONS, EMBEDDING, Manifest
from components.embedder.augmentation import Augmentation, augment, photo_identities
from schemas import features

# Rows whose order is mixed at a time: bounds memory, whatever the number of photos.
_SHUFFLE_BUFFER = 8192

# Between the shuffling seeds of consecutive epochs; any number that is not 1 serves.
_EPOCH_STRIDE = 7919


@dataclass(frozen=True)
class Labels:
    """How class names become what the loss compares with.

    Attributes:
        classes: names in the order of their numbers.
    """

    classes: Sequence[str]

    def table(self) -> tf.lookup.StaticHashTable:
        """Returns the table from name to number; -1 for a class never seen in training."""
        return tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(self.classes)), tf.range(len(self.classes), dtype=tf.int64)
            ),
            default_value=-1,
        )

    def encode(self, names: tf.Tensor, table: tf.lookup.StaticHashTable) -> tf.Tensor:
        """Returns float32 (batch, 1) of 0 and 1 for two classes, else one-hot (batch, classes)."""
        numbers = table.lookup(names)
        if len(self.classes) == 2:
            return tf.cast(numbers, tf.float32)[:, tf.newaxis]
        return tf.one_hot(numbers, len(self.classes))


@dataclass(frozen=True)
class Epochs:
    """A training set for a stage.

    Attributes:
        dataset: batches of all its epochs, one after the other.
        steps: batches in one epoch.
    """

    dataset: tf.data.Dataset
    steps: int


@dataclass(frozen=True)
class EmbeddingsReader:
    """Reads an Embeddings artifact.

    Attributes:
        folder: of the artifact.
        manifest: from `read_manifest`.
        labels: how labels are encoded.
        batch_size: rows in a batch.
        seed: of the order.
    """

    folder: str
    manifest: Manifest
    labels: Labels
    batch_size: int
    seed: int

    def embeddings_for_training(self, photos: int, first: int, last: int) -> Epochs:
        """Returns epochs `first` to `last` (exclusive) over every view of every photo."""
        views = self.manifest.recipe.views + 1
        files = tf.constant(artifact.view_files(self.folder, features.TRAIN))
        return self._epochs(EMBEDDING, lambda epoch: files, photos * views, first, last)

    def activations_for_training(self, photos: int, first: int, last: int) -> Epochs:
        """Returns epochs that take each photo once, in the views by turns."""
        views = self.manifest.recipe.views + 1

        def files(epoch: tf.Tensor) -> tf.Tensor:
            view = tf.strings.as_string(epoch % views, width=2, fill="0")
            prefix = artifact.view_prefix(self.folder, features.TRAIN, 0).removesuffix("00")
            return tf.io.matching_files(tf.strings.join([prefix, view, "-*.tfrecord"]))

        return self._epochs(ACTIVATIONS, files, photos, first, last)

    def embeddings_for_evaluation(self) -> tf.data.Dataset:
        """Returns the photos of the evaluation split, unchanged."""
        return self._evaluation(EMBEDDING)

    def activations_for_evaluation(self) -> tf.data.Dataset:
        """Returns the photos of the evaluation split, unchanged."""
        return self._evaluation(ACTIVATIONS)

    def _epochs(
        self,
        field: str,
        files: Callable[[tf.Tensor], tf.Tensor],
        rows: int,
        first: int,
        last: int,
    ) -> Epochs:
        def epoch(number: tf.Tensor) -> tf.data.Dataset:
            records = tf.data.TFRecordDataset(files(number))
            return self._batches(_shuffled(records, self.seed, number), field)

        return _all_epochs(epoch, math.ceil(rows / self.batch_size), first, last)

    def _evaluation(self, field: str) -> tf.data.Dataset:
        records = tf.data.TFRecordDataset(artifact.view_files(self.folder, features.EVAL, 0))
        return self._batches(_counted(records), field).prefetch(tf.data.AUTOTUNE)

    def _batches(self, records: tf.data.Dataset, field: str) -> tf.data.Dataset:
        kept = field == ACTIVATIONS
        shape = self.manifest.activations_shape if kept else self.manifest.embedding_shape
        dtype = tf.float16 if kept else tf.float32
        spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (field, features.LABEL)}
        table = self.labels.table()

        def parse(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = tf.io.parse_example(batch, spec)
            values = tf.reshape(tf.io.decode_raw(rows[field], dtype), [-1, *shape])
            return tf.cast(values, tf.float32), self.labels.encode(rows[features.LABEL], table)

        return records.batch(self.batch_size).map(parse, num_parallel_calls=tf.data.AUTOTUNE)


@dataclass(frozen=True)
class PhotosReader:
    """Reads transformed examples, for what the Embedder did not keep.

    Attributes:
        train_files: patterns of gzipped TFRecords that Transform wrote.
        eval_files: the same of the evaluation split.
        labels: how labels are encoded.
        image_size: pixels on each side.
        augmentation: the Embedder's.
        views: the Embedder's.
        batch_size: photos in a batch.
        seed: of the order.
    """

    train_files: Sequence[str]
    eval_files: Sequence[str]
    labels: Labels
    image_size: int
    augmentation: Augmentation
    views: int
    batch_size: int
    seed: int

    def for_training(self, photos: int, first: int, last: int) -> Epochs:
        """Returns epochs that take each photo once, in the views by turns."""

        def epoch(number: tf.Tensor) -> tf.data.Dataset:
            records = _shuffled(_gzipped(self.train_files), self.seed, number)
            view = tf.cast(number % (self.views + 1), tf.int32)
            return self._batches(records, view)

        return _all_epochs(epoch, math.ceil(photos / self.batch_size), first, last)

    def for_evaluation(self) -> tf.data.Dataset:
        """Returns the photos of the evaluation split, unchanged."""
        records = _counted(_gzipped(self.eval_files))
        return self._batches(records, tf.constant(0)).prefetch(tf.data.AUTOTUNE)

    def samples(self, count: int) -> list[tf.Tensor]:
        """Returns the first few training photos, for each view float32 (count, size, size, 3)."""
        records = _gzipped(self.train_files).take(count).map(self._decode).batch(count)
        photos, encoded, _ = records.get_single_element()
        identities = photo_identities(encoded)
        return [
            augment(photos, identities, tf.constant(view), self.augmentation)
            for view in range(self.views + 1)
        ]

    def _batches(self, records: tf.data.Dataset, view: tf.Tensor) -> tf.data.Dataset:
        table = self.labels.table()

        def view_of(
            photos: tf.Tensor, encoded: tf.Tensor, names: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            changed = augment(photos, photo_identities(encoded), view, self.augmentation)
            return changed, self.labels.encode(names, table)

        return (
            records.map(self._decode, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(self.batch_size)
            .map(view_of, num_parallel_calls=tf.data.AUTOTUNE)
        )

    def _decode(self, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the photo, the file it came from, and its label."""
        spec = {
            features.IMAGE_XF: tf.io.FixedLenFeature([], tf.string),
            features.LABEL_XF: tf.io.FixedLenFeature([], tf.string),
        }
        example = tf.io.parse_single_example(record, spec)
        photo = tf.io.decode_png(example[features.IMAGE_XF], channels=3)
        photo = tf.ensure_shape(photo, (self.image_size, self.image_size, 3))
        return photo, example[features.IMAGE_XF], example[features.LABEL_XF]


def _gzipped(patterns: Sequence[str]) -> tf.data.Dataset:
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def _shuffled(records: tf.data.Dataset, seed: int, epoch: tf.Tensor) -> tf.data.Dataset:
    return records.shuffle(
        _SHUFFLE_BUFFER, seed=seed + epoch * _EPOCH_STRIDE, reshuffle_each_iteration=False
    )


def _all_epochs(
    epoch: Callable[[tf.Tensor], tf.data.Dataset], steps: int, first: int, last: int
) -> Epochs:
    dataset = tf.data.Dataset.range(first, last).flat_map(epoch)
    return Epochs(dataset.prefetch(tf.data.AUTOTUNE), steps)


def _counted(records: tf.data.Dataset) -> tf.data.Dataset:
    """Tells Keras the number of records; it warns at the end of a set of unknown size."""
    # Dataset.reduce would add a function to the thread's default graph, which is never freed.
    count = sum(1 for _ in records)
    return records.apply(tf.data.experimental.assert_cardinality(count))
