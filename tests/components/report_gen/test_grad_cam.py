"""Tests of what a classifier looks at."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from components.backbone.loading import load_backbone
from components.report_gen.grad_cam import heat_maps
from components.trainer.model import build_classifier, build_head


def red_detector(classes: int) -> keras.Model:
    """Builds a classifier that says the last class where there is red, in quarters of a photo."""
    photos = keras.Input((32, 32, 3))
    quarters = keras.layers.AveragePooling2D(16)(photos)
    features = keras.layers.Conv2D(2, 1, use_bias=False)(quarters)
    backbone = keras.Model(photos, keras.layers.GlobalAveragePooling2D()(features), name="red")
    # The first feature is red over green, the second blue.
    backbone.layers[-2].set_weights(
        [np.array([[1, 0], [-1, 0], [0, 1]], np.float32).reshape(1, 1, 3, 2)]
    )
    head = build_head(2, classes=classes, units=2, dropout=0.5)
    head.get_layer("dense").set_weights([np.eye(2, dtype=np.float32), np.zeros(2, np.float32)])
    width = 1 if classes == 2 else classes
    kernel = np.zeros((2, width), np.float32)
    kernel[0, -1] = 1
    bias = np.full(width, -0.25 if width == 1 else 0, np.float32)
    head.get_layer("probabilities").set_weights([kernel, bias])
    return build_classifier(backbone, "MobileNetV2", head)


def photo_with_red(row: int, column: int) -> np.ndarray:
    photo = np.full((32, 32, 3), 128, np.uint8)
    photo[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = (255, 0, 128)
    return photo


@pytest.mark.parametrize("classes", [2, 3])
def test_place_that_speaks_for_the_class_is_the_brightest(classes: int) -> None:
    photos = np.stack([photo_with_red(0, 0), photo_with_red(1, 0), photo_with_red(1, 1)])

    heat = heat_maps(red_detector(classes), photos)

    assert heat.shape == (3, 2, 2)
    assert [np.unravel_index(h.argmax(), h.shape) for h in heat] == [(0, 0), (1, 0), (1, 1)]
    assert np.allclose(heat.max(axis=(1, 2)), 1)
    assert heat.min() >= 0


def test_photo_where_nothing_speaks_for_the_class_is_dark() -> None:
    grey = np.full((1, 32, 32, 3), 128, np.uint8)

    assert not heat_maps(red_detector(3), grey).any()


@pytest.mark.parametrize(("name", "side"), [("MobileNetV2", 3), ("ResNet50", 3)])
def test_backbones_of_keras_are_looked_into(name: str, side: int) -> None:
    backbone = load_backbone(name, "none", 96)
    head = build_head(backbone.output_shape[-1], classes=2, units=8, dropout=0.5)
    photos = np.random.default_rng(0).integers(0, 255, (2, 96, 96, 3), np.uint8)

    heat = heat_maps(build_classifier(backbone, name, head), photos)

    assert heat.shape == (2, side, side)
    assert heat.min() >= 0
    assert heat.max() <= 1
