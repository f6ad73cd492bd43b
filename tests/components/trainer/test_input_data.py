"""Tests of what the stages are fed with: which rows, in which order, with which labels."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.embedder import artifact
from components.embedder.artifact import Manifest, Recipe, read_index
from components.embedder.augmentation import Augmentation, augment, photo_identities
from components.trainer.input_data import EmbeddingsReader, Epochs, Labels, PhotosReader
from components.trainer.run_fn import _INSTEAD_OF_ZERO
from schemas import features

PHOTOS = 10
VIEWS = 3  # The photo itself and two changed views.
SIZE = 8
LABELS = Labels(["cat", "dog"])
AUGMENTATION = Augmentation(
    rotation=15.0, width_shift=0.1, height_shift=0.1, horizontal_flip=True, seed=4
)


def label(photo: int) -> str:
    return LABELS.classes[photo % 2]


def record(**values: bytes) -> bytes:
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def row(photo: int, view: int) -> bytes:
    """Returns a row whose values tell photo and view."""
    return record(
        digest=bytes([photo]) * 32,
        label=label(photo).encode(),
        embedding=np.array([photo, view], np.float32).tobytes(),
        activations=np.full((2, 2, 1), 100 * view + photo, np.float16).tobytes(),
    )


def png(photo: int) -> bytes:
    noise = np.random.default_rng(photo).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


def write(file: str, records: list[bytes], compression: str = "") -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(file, compression) as stream:
        for content in records:
            stream.write(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An Embeddings artifact of ten photos, in shards of unequal size, and the photos."""
    folder = str(tmp_path_factory.mktemp("embeddings"))
    numbers = range(PHOTOS)
    for split, views in (("train", VIEWS), ("eval", 1)):
        for shard, part in enumerate((numbers[:7], numbers[7:])):
            shards = f"-{shard:05d}-of-00002.tfrecord"
            for view in range(views):
                prefix = artifact.view_prefix(folder, split, view)
                write(prefix + shards, [row(photo, view) for photo in part])
            index = [
                artifact.index_record(bytes([photo]) * 32, photo, label(photo).encode())
                for photo in part
            ]
            write(artifact.index_prefix(folder, split) + shards, index)
        transformed = [record(image_xf=png(n), label_xf=label(n).encode()) for n in numbers]
        write(f"{folder}/photos/Split-{split}/examples.gz", transformed, "GZIP")
    recipe = Recipe("VGG16", "none", SIZE, "block1_pool", VIEWS - 1, vars(AUGMENTATION), "0")
    Manifest(recipe, embedding_shape=[2], activations_shape=[2, 2, 1]).write(folder)
    return folder


def reader(folder: str, *, seed: int = 5, batch_size: int = 4) -> EmbeddingsReader:
    manifest = artifact.read_manifest(folder)
    return EmbeddingsReader(folder, manifest, LABELS, batch_size, seed)


def photos_reader(folder: str, *, seed: int = 5, batch_size: int = 4) -> PhotosReader:
    files = [[f"{folder}/photos/Split-{split}/*"] for split in ("train", "eval")]
    return PhotosReader(*files, LABELS, SIZE, AUGMENTATION, VIEWS - 1, batch_size, seed)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """As run_fn does; Dataset.shuffle takes this seed into account as well."""
    keras.utils.set_random_seed(5)


Batches = list[tuple[np.ndarray, np.ndarray]]


def batches(epochs: Epochs) -> Batches:
    return list(epochs.dataset.as_numpy_iterator())


def embeddings(folder: str, first: int, last: int, **settings: Any) -> Epochs:
    return reader(folder, **settings).embeddings_for_training(PHOTOS, first, last)


def activations(folder: str, first: int, last: int, **settings: Any) -> Epochs:
    return reader(folder, **settings).activations_for_training(PHOTOS, first, last)


def on_the_fly(folder: str, first: int, last: int, **settings: Any) -> Epochs:
    return photos_reader(folder, **settings).for_training(PHOTOS, first, last)


Make = Callable[..., Epochs]
EVERY_KIND = pytest.mark.parametrize("make", [embeddings, activations, on_the_fly])


def rows_of(made: Batches) -> list[tuple[bytes, ...]]:
    """Returns the rows of some batches, in their order, comparable and countable."""
    return [
        (value.tobytes(), name.tobytes())
        for batch in made
        for value, name in zip(*batch, strict=True)
    ]


def test_epoch_of_embeddings_has_every_view_of_every_photo_once(folder: str) -> None:
    epochs = embeddings(folder, 0, 1)
    made = batches(epochs)

    assert len(made) == epochs.steps == 8  # 30 rows in batches of 4.
    seen = Counter(tuple(pair) for values, _ in made for pair in values.astype(int).tolist())
    assert seen == Counter((photo, view) for photo in range(PHOTOS) for view in range(VIEWS))


@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_epoch_of_activations_has_each_photo_once_in_the_view_whose_turn_it_is(
    folder: str, epoch: int
) -> None:
    epochs = activations(folder, epoch, epoch + 1)
    made = batches(epochs)

    assert len(made) == epochs.steps == 3
    assert made[0][0].shape == (4, 2, 2, 1)
    seen = sorted(int(value[0, 0, 0]) for values, _ in made for value in values)
    assert seen == [100 * (epoch % VIEWS) + photo for photo in range(PHOTOS)]


@pytest.mark.parametrize("epoch", [4, pytest.param(0, marks=pytest.mark.slow)])
def test_epoch_on_the_fly_has_the_views_that_the_embedder_made(folder: str, epoch: int) -> None:
    encoded = tf.constant([png(photo) for photo in range(PHOTOS)])
    pixels = tf.stack([tf.io.decode_png(one, channels=3) for one in encoded])
    view = tf.constant(epoch % VIEWS)
    expected = augment(pixels, photo_identities(encoded), view, AUGMENTATION).numpy()

    made = np.concatenate([values for values, _ in batches(on_the_fly(folder, epoch, epoch + 1))])

    assert made.shape == (PHOTOS, SIZE, SIZE, 3)
    for photo in expected:
        # The last bits of sine and cosine differ between a graph and eager calls.
        assert np.abs(made - photo).max(axis=(1, 2, 3)).min() < 0.05


@EVERY_KIND
def test_label_stays_with_its_photo(folder: str, make: Make) -> None:
    names = {}
    if make is on_the_fly:
        names = {png_pixels(photo).tobytes(): photo % 2 for photo in range(PHOTOS)}

    for values, encoded in batches(make(folder, 0, 1)):
        assert encoded.dtype == np.float32
        assert encoded.shape == (len(values), 1)
        for value, number in zip(values, encoded[:, 0], strict=True):
            photo = value.ravel()[0] % 2 if make is not on_the_fly else names[value.tobytes()]
            assert number == photo


def png_pixels(photo: int) -> np.ndarray:
    return tf.io.decode_png(png(photo), channels=3).numpy().astype(np.float32)


@EVERY_KIND
def test_order_depends_on_the_epoch(folder: str, make: Make) -> None:
    first = rows_of(batches(make(folder, 0, 1)))
    again = rows_of(batches(make(folder, VIEWS, VIEWS + 1)))

    assert first != again
    assert Counter(first) == Counter(again)


@EVERY_KIND
def test_order_depends_on_the_seed(folder: str, make: Make) -> None:
    first = rows_of(batches(make(folder, 0, 1)))
    other = rows_of(batches(make(folder, 0, 1, seed=6)))

    assert first != other
    assert Counter(first) == Counter(other)


@EVERY_KIND
def test_seed_may_be_zero(folder: str, make: Make) -> None:
    """The global seed may not: run_fn takes another one instead."""
    keras.utils.set_random_seed(_INSTEAD_OF_ZERO)

    assert len(batches(make(folder, 0, 1, seed=0))) > 0


@EVERY_KIND
def test_order_depends_on_nothing_else(folder: str, make: Make) -> None:
    first = make(folder, 0, 3)
    assert rows_of(batches(first)) == rows_of(batches(first))
    assert rows_of(batches(first)) == rows_of(batches(make(folder, 0, 3)))


@pytest.mark.parametrize("start", [2, pytest.param(4, marks=pytest.mark.slow)])
@EVERY_KIND
def test_interrupted_training_goes_on_with_the_same_batches(
    folder: str, make: Make, start: int
) -> None:
    undisturbed = make(folder, 0, 5)
    rest = batches(undisturbed)[start * undisturbed.steps :]

    resumed = batches(make(folder, start, 5))

    assert len(resumed) == len(rest) > 0
    for (values, names), (expected, expected_names) in zip(resumed, rest, strict=True):
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(names, expected_names)


def test_stage_two_goes_on_with_the_epochs_of_stage_one(folder: str) -> None:
    """Epochs are counted over both stages; the views' turns too."""
    (values, _), *_ = batches(activations(folder, 10, 11))

    assert {int(value) // 100 for value in values.ravel()} == {10 % VIEWS}


def test_evaluation_has_each_photo_once_unchanged(folder: str) -> None:
    values = np.concatenate([values for values, _ in reader(folder).embeddings_for_evaluation()])
    kept = np.concatenate([values for values, _ in reader(folder).activations_for_evaluation()])
    pixels = np.concatenate([values for values, _ in photos_reader(folder).for_evaluation()])

    assert values.tolist() == [[photo, 0] for photo in range(PHOTOS)]
    assert kept[:, 0, 0, 0].tolist() == list(range(PHOTOS))
    np.testing.assert_array_equal(pixels, np.stack([png_pixels(n) for n in range(PHOTOS)]))


def test_number_of_evaluation_batches_is_known(folder: str) -> None:
    for dataset in (
        reader(folder).embeddings_for_evaluation(),
        reader(folder).activations_for_evaluation(),
        photos_reader(folder).for_evaluation(),
    ):
        assert dataset.cardinality() == 3


def test_samples_are_the_first_photos_in_every_view(folder: str) -> None:
    plain, *changed = photos_reader(folder).samples(3)

    np.testing.assert_array_equal(plain, np.stack([png_pixels(n) for n in range(3)]))
    assert len(changed) == VIEWS - 1
    assert all(np.abs(view - plain).mean() > 1 for view in changed)


def test_index_holds_the_label_of_each_photo(folder: str) -> None:
    index = read_index(folder, features.TRAIN)

    assert [name for _, name in index] == [label(photo) for photo in range(PHOTOS)]


def encode(classes: list[str], names: list[str]) -> np.ndarray:
    labels = Labels(classes)
    return labels.encode(tf.constant(names), labels.table()).numpy()


def test_two_classes_are_one_number() -> None:
    assert encode(["cat", "dog"], ["dog", "cat"]).tolist() == [[1.0], [0.0]]


def test_four_classes_are_one_hot() -> None:
    classes = ["a\nb", "Kätzchen", "猫", "z"]

    encoded = encode(classes, ["猫", "a\nb", "z", "Kätzchen"])

    assert encoded.dtype == np.float32
    assert encoded.tolist() == np.eye(4)[[2, 0, 3, 1]].tolist()


def test_unknown_class_has_no_number() -> None:
    table = Labels(["cat", "dog", "emu"]).table()

    assert table.lookup(tf.constant(["emu", "fox", ""])).numpy().tolist() == [2, -1, -1]
