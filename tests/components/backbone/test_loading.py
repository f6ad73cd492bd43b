"""Tests of building a backbone, its weight files, and its own preprocessing."""

from __future__ import annotations

import hashlib
import re
import shutil
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import samples
from components.backbone.loading import load_backbone, preprocess
from components.backbone.weights import weights_digest, weights_file
from schemas.errors import ModelError

# The architecture that is built fastest.
NAME = "MobileNet"
SIZE = 32


@cache
def backbone() -> keras.Model:
    """Returns a backbone with random weights, whose files the tests write."""
    return load_backbone(NAME, "none", SIZE)


def load(weights: Any, name: str = NAME) -> keras.Model:
    """Loads weights into a new backbone."""
    return load_backbone(name, str(weights), SIZE)


def refusal(weights: Any, name: str = NAME, size: int = SIZE) -> str:
    """Returns what weights or a size are refused with."""
    with pytest.raises(ModelError) as error:
        load_backbone(name, str(weights), size)
    return str(error.value)


def have_equal_weights(first: keras.Model, second: keras.Model) -> bool:
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of `backbone()` in both formats."""
    folder = tmp_path_factory.mktemp("weights")
    backbone().save_weights(folder / "good.weights.h5")
    backbone().save(folder / "good.keras")
    return folder


def test_embedded_weights_are_loaded() -> None:
    with h5py.File(samples.WEIGHTS_FILE) as file:
        first_kernel = file["layers/conv2d/vars/0"][()]

    loaded = load("embedded", "MobileNetV2")

    assert np.array_equal(loaded.get_layer("Conv1").kernel, first_kernel)
    assert loaded.output_shape == (None, 1280)


def test_embedded_weights_are_those_that_were_released() -> None:
    content = samples.WEIGHTS_FILE.read_bytes()

    assert hashlib.sha256(content).hexdigest() == samples.WEIGHTS_SHA256
    assert weights_digest("embedded") == samples.WEIGHTS_SHA256


def test_damaged_embedded_weights_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.weights.h5"
    content = bytearray(samples.WEIGHTS_FILE.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    monkeypatch.setattr(samples, "WEIGHTS_FILE", copy)

    digest = hashlib.sha256(content).hexdigest()
    assert refusal("embedded") == (
        f"{copy} is damaged (SHA-256 {digest}, expected {samples.WEIGHTS_SHA256}); "
        "restore it from the repository."
    )


@pytest.mark.parametrize("kind", [".weights.h5", ".keras"])
def test_weights_from_a_file_are_loaded(files: Path, kind: str) -> None:
    assert have_equal_weights(load(files / f"good{kind}"), backbone())


def test_digest_of_a_file_is_its_sha256(files: Path) -> None:
    file = files / "good.weights.h5"

    assert weights_digest(str(file)) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_weights_with_the_top_are_loaded_without_it(tmp_path: Path) -> None:
    full = keras.applications.MobileNet(weights=None, input_shape=(SIZE, SIZE, 3))
    full.save_weights(tmp_path / "full.weights.h5")

    loaded = load(tmp_path / "full.weights.h5")

    pairs = zip(loaded.get_weights(), full.get_weights(), strict=False)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_random_weights_are_the_same_wherever_they_are_made() -> None:
    """Embedder and Trainer build the backbone in turn: a head fits one set of weights only."""
    keras.utils.set_random_seed(1)
    embedders = load("none")
    keras.utils.set_random_seed(2)
    trainers = load("none")

    assert have_equal_weights(embedders, trainers)


def other_architecture(file: Path) -> None:
    shutil.copy(samples.WEIGHTS_FILE, file)


def narrower(file: Path) -> None:
    keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(SIZE, SIZE, 3)
    ).save_weights(file)


def head_alone(file: Path) -> None:
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save_weights(file)


def classifier_around_it(file: Path) -> None:
    photos = keras.Input((SIZE, SIZE, 3))
    keras.Model(photos, keras.layers.Dense(2)(backbone()(photos))).save_weights(file)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "write",
    [
        other_architecture,
        pytest.param(narrower, marks=pytest.mark.slow),
        head_alone,
        pytest.param(classifier_around_it, marks=pytest.mark.slow),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path: Path, write: Any) -> None:
    file = tmp_path / "other.weights.h5"
    write(file)

    assert re.fullmatch(
        f"{re.escape(str(file))} does not hold the weights of MobileNet without its top "
        r"\([^\n]+\); name the file for this backbone\.",
        refusal(file),
    )


def test_refusal_of_weights_comes_without_a_flood_of_warnings(tmp_path: Path) -> None:
    """Keras warns more than a hundred times before it gives up on a file."""
    head_alone(tmp_path / "other.weights.h5")

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always", UserWarning)
        refusal(tmp_path / "other.weights.h5")
    assert [str(warning.message) for warning in shown] == []


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def with_a_wrong_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


BROKEN = {
    "half of .weights.h5": ("good.weights.h5", half),
    "text in .weights.h5": ("good.weights.h5", lambda _: b"weights"),
    "half of .keras": ("good.keras", half),
    "wrong byte in .keras": ("good.keras", with_a_wrong_byte),
}


@pytest.mark.parametrize(("good", "broken"), BROKEN.values(), ids=BROKEN)
def test_broken_file_is_refused(files: Path, tmp_path: Path, good: str, broken: Any) -> None:
    file = tmp_path / f"broken{good.removeprefix('good')}"
    file.write_bytes(broken((files / good).read_bytes()))

    assert re.fullmatch(
        f"{re.escape(str(file))} does not hold the weights of MobileNet without its top "
        r"\([^\n]+\); name the file for this backbone\.",
        refusal(file),
    )


def test_keras_file_of_another_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(file)

    assert refusal(file).startswith(
        f"{file} does not hold the weights of MobileNet without its top ("
    )


def test_keras_file_with_a_lambda_is_refused_and_does_not_run(tmp_path: Path) -> None:
    photos = keras.Input((SIZE, SIZE, 3))
    outputs = keras.layers.Lambda(lambda x: x * 1.0)(backbone()(photos))
    file = tmp_path / "lambda.keras"
    keras.Model(photos, outputs).save(file)

    message = refusal(file)

    assert message.startswith(f"{file} does not hold the weights of MobileNet without its top (")
    assert "Lambda" in message


@pytest.mark.parametrize("name", ["gone.weights.h5", "gone.keras", "imagnet"])
def test_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    missing = tmp_path / name

    assert refusal(missing) == (
        f"backbone.weights = {str(missing)!r} is no file; use embedded, imagenet, none or the "
        "path of a .weights.h5 or .keras file."
    )


@pytest.mark.parametrize("name", ["good.h5", "good.keras.zip", "good"])
def test_file_of_another_kind_is_refused(files: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    shutil.copy(files / "good.weights.h5", file)

    assert refusal(file) == (
        f"backbone.weights = {str(file)!r}: expected a file whose name ends in .weights.h5 "
        "(Keras' Model.save_weights) or .keras (Model.save)."
    )


def test_size_that_is_too_small_for_the_backbone_is_refused() -> None:
    assert refusal("none", "InceptionV3", 64) == (
        "image.size = 64: InceptionV3 refuses it (Input size must be at least 75x75; Received: "
        "input_shape=(64, 64, 3)); it was pretrained at 299."
    )


def test_file_with_another_sha256_than_recorded_is_refused(files: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.weights.h5"
    shutil.copy(files / "good.weights.h5", file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    record = tmp_path / "mine.weights.h5.sha256"

    record.write_text(f"{digest.upper()} *mine.weights.h5\n")
    assert weights_file(str(file)) == file
    record.write_text(f"{'0' * 64}  mine.weights.h5\n")
    assert refusal(file) == (
        f"{file} is damaged or another file: its SHA-256 is {digest}, mine.weights.h5.sha256 "
        f"beside it says {'0' * 64}; put the right file there, or remove both."
    )


PHOTOS = np.random.default_rng(5).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)

# Mean of ImageNet in the order blue, green, red, as Caffe's models have it.
CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)
TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
TORCH_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)

PREPROCESSED = {
    "ResNet50": PHOTOS[..., ::-1] - CAFFE_MEAN,
    "VGG16": PHOTOS[..., ::-1] - CAFFE_MEAN,
    "MobileNetV2": PHOTOS / 127.5 - 1,
    "ResNet50V2": PHOTOS / 127.5 - 1,
    "InceptionV3": PHOTOS / 127.5 - 1,
    "DenseNet121": (PHOTOS / 255 - TORCH_MEAN) / TORCH_DEVIATION,
    "EfficientNetB0": PHOTOS,
    "ConvNeXtTiny": PHOTOS,
    "MobileNetV3Small": PHOTOS,
}


def in_a_model(name: str) -> Any:
    photos = keras.Input(PHOTOS.shape[1:])
    return keras.Model(photos, preprocess(name, photos) + 0.0)(PHOTOS)


def in_a_graph(name: str) -> Any:
    return tf.function(lambda photos: preprocess(name, photos))(tf.constant(PHOTOS))


@pytest.mark.parametrize("way", [in_a_model, in_a_graph])
@pytest.mark.parametrize("name", PREPROCESSED)
def test_photos_are_prepared_as_the_backbone_was_pretrained(name: str, way: Any) -> None:
    # Float32 keeps 7 digits: 2e-5 at 255.
    np.testing.assert_allclose(way(name), PREPROCESSED[name], rtol=1e-6, atol=2e-5)
