"""Tests of the way back from a SavedModel to its Keras classifier."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.backbone.cut import find_cut, unfreeze_above
from components.backbone.loading import load_backbone, preprocess
from components.backbone.registry import BACKBONES
from components.serving.classifier import load_classifier
from components.trainer.export import export
from components.trainer.input_data import Labels
from components.trainer.model import build_classifier, build_head, compile_classifier
from schemas.errors import ModelError

SIZE = 32
SMALLEST = {"inception_resnet_v2": 75, "inception_v3": 75, "xception": 71}
ADVICE = "name another version, or run the pipeline again."

# The smallest backbone of each family.
FAMILIES = {
    backbone.module: name
    for name, backbone in sorted(
        BACKBONES.items(), key=lambda item: item[1].parameters, reverse=True
    )
}


def trained(name: str, *, classes: int = 3, size: int = SIZE, policy: str = "float32") -> Any:
    """A classifier as stage 2 leaves it, with weights that differ from those of a new one."""
    keras.config.set_dtype_policy(policy)
    try:
        backbone = load_backbone(name, "none", size)
        head = build_head(backbone.output_shape[-1], classes=classes, units=8, dropout=0.2)
        classifier = build_classifier(backbone, name, head)
        random = np.random.default_rng(0)
        for weight in classifier.weights:
            weight.assign(weight * random.uniform(0.9, 1.1, weight.shape).astype(np.float32))
        spread(backbone, head, name, size)
        backbone.trainable = False
        cut = find_cut(backbone, 0.8)
        assert cut
        unfreeze_above(backbone, cut)
        compile_classifier(
            classifier,
            optimizer="adamw",
            learning_rate=1e-3,
            schedule="cosine",
            steps=9,
            label_smoothing=0.1,
        )
    finally:
        keras.config.set_dtype_policy("float32")
    return classifier


def spread(backbone: Any, head: Any, name: str, size: int) -> None:
    """Makes a backbone of random weights tell photos apart: each layer gets a usual scale."""
    normalizing = [
        layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in normalizing:
        layer.momentum = 0.0
    inputs = preprocess(name, photos(size, 8).astype(np.float32))
    backbone(inputs, training=True)
    for layer in normalizing:
        layer.momentum = 0.99
    kernel = head.get_layer("dense").kernel
    kernel.assign(kernel / np.std(np.asarray(backbone(inputs, training=False), np.float32)))


def photos(size: int = SIZE, count: int = 4) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


def save(classifier: Any, folder: Path) -> Path:
    classes = max(classifier.output_shape[1], 2)
    export(classifier, Labels([f"class {number}" for number in range(classes)]), str(folder))
    return folder


@pytest.fixture(scope="module")
def classifier() -> Any:
    return trained("MobileNetV2")


@pytest.fixture(scope="module")
def saved(classifier: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(classifier, tmp_path_factory.mktemp("saved"))


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_classifier_answers_as_the_trained_one_did(
    classifier: Any, saved: Path, dtype: type
) -> None:
    expected = np.asarray(classifier(photos().astype(np.float32), training=False))

    answer = np.asarray(load_classifier(saved)(photos().astype(dtype), training=False))

    assert answer.dtype == np.float32
    assert np.ptp(answer, axis=0).max() > 1e-3, "photos must differ to tell anything"
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_weights_are_the_trained_ones_in_their_order(classifier: Any, saved: Path) -> None:
    loaded = load_classifier(saved)

    for weight, expected in zip(loaded.weights, classifier.weights, strict=True):
        assert weight.path.rpartition("/")[2] == expected.path.rpartition("/")[2]
        np.testing.assert_array_equal(weight, expected)


def test_two_classes_give_the_probability_of_the_second(tmp_path: Path) -> None:
    classifier = trained("MobileNetV2", classes=2)

    answer = np.asarray(load_classifier(save(classifier, tmp_path))(photos(), training=False))

    assert answer.shape == (4, 1)
    np.testing.assert_allclose(answer, classifier(photos(), training=False), atol=1e-6)


def test_classifier_trained_in_16_bits_computes_in_32(classifier: Any, tmp_path: Path) -> None:
    halved = trained("MobileNetV2", policy="mixed_float16")
    halved.set_weights(classifier.get_weights())
    folder = save(halved, tmp_path)

    keras.config.set_dtype_policy("mixed_float16")
    try:
        loaded = load_classifier(folder)
    finally:
        keras.config.set_dtype_policy("float32")

    assert {layer.compute_dtype for layer in loaded._flatten_layers()} == {"float32"}
    np.testing.assert_allclose(loaded(photos()), classifier(photos()), atol=1e-6)


def test_process_keeps_its_policy(saved: Path) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        load_classifier(saved)
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_model_of_an_older_version_is_refused(copy: Path) -> None:
    shutil.rmtree(copy / "assets.extra")

    with pytest.raises(ModelError) as raised:
        load_classifier(copy)

    assert str(raised.value) == (
        f"{copy} carries no architecture (assets.extra/architecture.json): another program, or "
        "an older version of this one, wrote it; run the pipeline again."
    )


def lambda_layer(architecture: dict[str, Any]) -> None:
    layer = keras.layers.Lambda(lambda photos: photos, output_shape=(SIZE, SIZE, 3))
    architecture["config"]["layers"][1].update(keras.saving.serialize_keras_object(layer))


def another_package(architecture: dict[str, Any]) -> None:
    architecture["config"]["layers"][1].update(
        {"module": "os", "class_name": "system", "config": {"command": "true"}}
    )


def registered(architecture: dict[str, Any]) -> None:
    architecture["config"]["layers"][1]["registered_name"] = "some>TrueDivide"


def fewer_classes(architecture: dict[str, Any]) -> None:
    architecture["config"]["layers"][-1]["config"]["layers"][-1]["config"]["units"] = 2


def no_head(architecture: dict[str, Any]) -> None:
    layers = architecture["config"]["layers"]
    layers.pop()
    architecture["config"]["output_layers"] = [layers[-1]["name"], 0, 0]


def unknown_layer_number(architecture: dict[str, Any]) -> None:
    architecture["config"]["output_layers"] = ["head", 9, 0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda_layer, "it holds keras.layers.Lambda, which no classifier of warmstart has"),
        (another_package, "it holds os.system, which no classifier of warmstart has"),
        (
            registered,
            "it holds keras.src.ops.numpy.TrueDivide, which no classifier of warmstart has",
        ),
        (fewer_classes, "probabilities/kernel has the shape (8, 2), its variable (8, 3)"),
        (no_head, "it has 260 weights, and there are variables for 264"),
        (unknown_layer_number, "list index out of range"),
    ],
)
def test_architecture_that_is_not_the_models_own_is_refused(
    copy: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    file = copy / "assets.extra" / "architecture.json"
    architecture = json.loads(file.read_text(encoding="utf-8"))
    change(architecture)
    file.write_text(json.dumps(architecture), encoding="utf-8")

    with pytest.raises(ModelError) as raised:
        load_classifier(copy)

    assert str(raised.value) == (
        f"{copy}: the architecture or the variables of the classifier are damaged ({reason}); "
        f"{ADVICE}"
    )


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b"[" * 100_000])
def test_architecture_that_is_no_json_of_keras_is_refused(copy: Path, content: bytes) -> None:
    (copy / "assets.extra" / "architecture.json").write_bytes(content)

    with pytest.raises(ModelError, match=f"^{copy}: the architecture .* are damaged .*{ADVICE}$"):
        load_classifier(copy)


@pytest.mark.parametrize("file", ["variables.index", "variables.data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0, 0.5])
def test_cut_off_variables_are_refused(copy: Path, file: str, kept: float) -> None:
    damaged = copy / "variables" / file
    content = damaged.read_bytes()
    damaged.write_bytes(content[: int(len(content) * kept)])

    with pytest.raises(ModelError, match=f"^{copy}: the architecture .* are damaged .*{ADVICE}$"):
        load_classifier(copy)


def test_missing_variables_are_refused(copy: Path) -> None:
    shutil.rmtree(copy / "variables")

    with pytest.raises(ModelError, match=f"^{copy}: the architecture .* are damaged .*{ADVICE}$"):
        load_classifier(copy)


def test_architecture_changes_nothing_for_serving(saved: Path, copy: Path) -> None:
    shutil.rmtree(copy / "assets.extra")
    encoded = [tf.io.encode_png(photo).numpy() for photo in photos()]

    def probabilities(folder: Path) -> np.ndarray:
        model = tf.saved_model.load(str(folder))
        answer = model.signatures["serving_bytes"](image_bytes=tf.constant(encoded))
        return np.asarray(answer["probabilities"])

    np.testing.assert_array_equal(probabilities(copy), probabilities(saved))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_of_backbones_comes_back(family: str, policy: str, tmp_path: Path) -> None:
    size = SMALLEST.get(family, SIZE)
    classifier = trained(FAMILIES[family], size=size)
    halved = trained(FAMILIES[family], size=size, policy=policy)
    halved.set_weights(classifier.get_weights())

    loaded = load_classifier(save(halved, tmp_path))

    expected = np.asarray(classifier(photos(size).astype(np.float32), training=False))
    assert np.ptp(expected, axis=0).max() > 1e-3, "photos must differ to tell anything"
    np.testing.assert_allclose(loaded(photos(size), training=False), expected, atol=1e-5)
