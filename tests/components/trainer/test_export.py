"""Tests of the SavedModel: its signatures, its class names, and the one preprocessing."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_transform.graph_context import TFGraphContext

from components.backbone.loading import load_backbone
from components.trainer.export import export
from components.trainer.input_data import Labels
from components.trainer.model import build_classifier, build_head
from components.transform.preprocessing import decode_photos, preprocessing_fn
from schemas import features, serving

SIZE = 32
CLASSES = {2: ["Kätz\nchen", "dog"], 3: ["a\nb", "zebra", "猫 🐱"]}


def photo(number: int, kind: str, width: int, height: int) -> bytes:
    noise = np.random.default_rng(number).integers(0, 256, (9, 9, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize((width, height)).save(stream, kind)
    return stream.getvalue()


PHOTOS = [
    photo(1, "JPEG", 70, 50),
    photo(2, "PNG", 20, 33),
    photo(3, "WEBP", 50, 50),
    photo(4, "GIF", 41, 64),
]


def example(**values: bytes) -> bytes:
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


class Exported:
    """A classifier with random weights, and the SavedModel of it."""

    def __init__(self, folder: Path, classes: int) -> None:
        keras.utils.set_random_seed(classes)
        head = build_head(512, classes=classes, units=4, dropout=0.5)
        for weight in head.weights:
            weight.assign(np.random.default_rng(classes).normal(size=weight.shape))
        self.classifier = build_classifier(load_backbone("VGG16", "none", SIZE), "VGG16", head)
        # No class is above the others for every photo.
        seen = np.asarray(self.classifier(decode_photos(tf.constant(PHOTOS), SIZE)))
        logits = np.log(seen / (1 - seen)) if classes == 2 else np.log(seen)
        bias = head.get_layer("probabilities").bias
        bias.assign(bias - np.median(logits, axis=0))
        self.folder = folder
        export(self.classifier, Labels(CLASSES[classes]), str(folder))
        self.model = tf.saved_model.load(str(folder))

    def call(self, signature: str, **inputs: list[bytes]) -> dict[str, Any]:
        outputs = self.model.signatures[signature](
            **{name: tf.constant(values, tf.string) for name, values in inputs.items()}
        )
        return {name: value.numpy() for name, value in outputs.items()}


@pytest.fixture(scope="module", params=CLASSES, ids=lambda classes: f"{classes} classes")
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return Exported(tmp_path_factory.mktemp("exported"), request.param)


@pytest.fixture
def classes(exported: Exported) -> list[str]:
    return CLASSES[max(exported.classifier.output_shape[1], 2)]


def test_signatures_are_those_of_the_contract(exported: Exported) -> None:
    signatures = exported.model.signatures
    contract = {
        name: (sorted(made.structured_input_signature[1]), sorted(made.structured_outputs))
        for name, made in signatures.items()
    }

    assert contract == {
        serving.SERVING_DEFAULT: (["examples"], ["label", "probabilities"]),
        serving.SERVING_BYTES: (["image_bytes"], ["label", "probabilities"]),
        serving.TRANSFORM_FEATURES: (["examples"], ["label_index"]),
    }


def test_examples_and_bytes_get_the_same_answer_bit_for_bit(exported: Exported) -> None:
    by_bytes = exported.call(serving.SERVING_BYTES, image_bytes=PHOTOS)
    by_example = exported.call(
        serving.SERVING_DEFAULT,
        examples=[example(image=encoded, label=b"?", path=b"x.jpg") for encoded in PHOTOS],
    )

    np.testing.assert_array_equal(by_example["probabilities"], by_bytes["probabilities"])
    np.testing.assert_array_equal(by_example["label"], by_bytes["label"])


def test_label_is_the_name_of_the_most_probable_class(
    exported: Exported, classes: list[str]
) -> None:
    answer = exported.call(serving.SERVING_BYTES, image_bytes=PHOTOS)

    probabilities = answer["probabilities"]
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(PHOTOS), len(classes))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    names = [name.decode() for name in answer["label"]]
    assert names == [classes[number] for number in probabilities.argmax(axis=1)]
    assert len(set(names)) > 1, "photos must differ to tell anything"


def test_class_names_travel_as_an_asset(exported: Exported, classes: list[str]) -> None:
    content = (exported.folder / "assets" / serving.CLASSES_ASSET).read_text(encoding="utf-8")

    assert json.loads(content) == classes


def test_known_class_has_its_number_and_another_none(
    exported: Exported, classes: list[str]
) -> None:
    asked = [*reversed(classes), "fox", "", classes[0].strip() + " "]

    answer = exported.call(
        serving.TRANSFORM_FEATURES, examples=[example(label=name.encode()) for name in asked]
    )

    known = list(range(len(classes)))[::-1]
    assert answer["label_index"].tolist() == [*known, -1, -1, -1]


def test_transform_then_classifier_is_what_is_served(exported: Exported, tmp_path: Path) -> None:
    """Training sees what Transform writes; serving must see the same pixels."""
    inputs = {
        features.IMAGE: tf.constant(PHOTOS)[:, tf.newaxis],
        features.LABEL: tf.constant([["a"]] * len(PHOTOS)),
    }
    transform = tf.function(lambda raw: preprocessing_fn(raw, {"image_size": SIZE}))
    with TFGraphContext(tf.Module(), temp_dir=str(tmp_path), evaluated_replacements={}):
        transformed = transform(inputs)[features.IMAGE_XF]
    pixels = tf.stack([tf.io.decode_png(png, channels=3) for png in transformed])

    expected = np.asarray(exported.classifier(tf.cast(pixels, tf.float32), training=False))
    answer = exported.call(serving.SERVING_BYTES, image_bytes=PHOTOS)["probabilities"]

    answer = answer[:, 1:] if expected.shape[1] == 1 else answer
    # The same pixels; sums are taken in another order in a graph.
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_photo_alone_gets_the_answer_it_gets_among_others(exported: Exported) -> None:
    together = exported.call(serving.SERVING_BYTES, image_bytes=PHOTOS)["probabilities"]
    alone = exported.call(serving.SERVING_BYTES, image_bytes=PHOTOS[2:3])["probabilities"]

    np.testing.assert_allclose(alone, together[2:3], atol=1e-5)


def test_nothing_asked_is_nothing_answered(exported: Exported) -> None:
    answer = exported.call(serving.SERVING_BYTES, image_bytes=[])

    assert answer["label"].shape == (0,)
    assert len(answer["probabilities"]) == 0


def test_broken_photo_is_refused(exported: Exported) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        exported.call(serving.SERVING_BYTES, image_bytes=[PHOTOS[0], b"text"])
