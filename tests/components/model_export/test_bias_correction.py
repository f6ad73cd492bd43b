"""Tests of the correction: rounded weights give the means that the exact ones gave."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from components.model_export.bias_correction import corrected


def photos(count: int = 32) -> np.ndarray:
    """Bright photos: what cancels out in them is sensitive to rounding."""
    return np.random.default_rng(0).uniform(200, 255, (count, 8, 8, 3)).astype(np.float32)


def layers(kind: str) -> list[Any]:
    if kind == "convolution with a bias":
        return [keras.layers.Conv2D(5, 3, strides=2, padding="same")]
    if kind == "depthwise convolution with a bias":
        return [keras.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")]
    if kind == "convolution before a normalization":
        return [keras.layers.Conv2D(5, 1, use_bias=False), keras.layers.BatchNormalization()]
    return [
        keras.layers.DepthwiseConv2D(3, use_bias=False),
        keras.layers.BatchNormalization(),
    ]


def model(*parts: Any) -> keras.Model:
    """A chain inside another model, as a backbone is in a classifier; weights are random."""
    inputs = keras.Input((8, 8, 3))
    inner_outputs = inputs
    for part in parts:
        inner_outputs = part(inner_outputs)
    inner = keras.Model(inputs, inner_outputs, name="inner")
    outer_inputs = keras.Input((8, 8, 3))
    outer = keras.Model(outer_inputs, inner(outer_inputs / 255.0))
    random = np.random.default_rng(1)
    for weight in outer.weights:
        weight.assign(random.uniform(0.1, 1.0, weight.shape))
    return outer


def convolution(whole: keras.Model) -> Any:
    return whole.get_layer("inner").layers[1]


def rounded_only(whole: keras.Model, kernel: np.ndarray) -> keras.Model:
    copy = keras.models.clone_model(whole)
    copy.set_weights(whole.get_weights())
    convolution(copy).kernel.assign(kernel)
    return copy


KINDS = [
    "convolution with a bias",
    "depthwise convolution with a bias",
    "convolution before a normalization",
    "depthwise convolution before a normalization",
]


@pytest.mark.parametrize("kind", KINDS)
def test_means_of_channels_are_kept(kind: str) -> None:
    whole = model(*layers(kind))

    result = corrected(whole, photos())

    kernel = np.asarray(convolution(result).kernel)
    exact = np.asarray(whole(photos())).mean(axis=(0, 1, 2))
    mean = np.asarray(result(photos())).mean(axis=(0, 1, 2))
    plain = np.asarray(rounded_only(whole, kernel)(photos())).mean(axis=(0, 1, 2))
    assert np.abs(mean - exact).max() < 1e-5
    assert np.abs(plain - exact).max() > 1e-4, "rounding must do harm to tell anything"


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_have_255_steps_for_each_channel(kind: str) -> None:
    result = corrected(model(*layers(kind)), photos())

    layer = convolution(result)
    axis = (0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (0, 1, 2)
    kernel = np.asarray(layer.kernel)
    steps = kernel / (np.abs(kernel).max(axis=axis, keepdims=True) / 127)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def test_model_itself_stays_as_it_is() -> None:
    whole = model(*layers("convolution before a normalization"))
    before = whole.get_weights()

    corrected(whole, photos())

    for weight, former in zip(whole.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, former)


def test_layer_that_adds_no_constant_stays_as_it_is() -> None:
    whole = model(keras.layers.Conv2D(5, 3, use_bias=False), keras.layers.ReLU())

    result = corrected(whole, photos())

    np.testing.assert_array_equal(convolution(result).kernel, convolution(whole).kernel)


def test_channel_of_zeros_stays_zero() -> None:
    whole = model(*layers("convolution with a bias"))
    kernel = np.array(convolution(whole).kernel)
    kernel[..., 2] = 0
    convolution(whole).kernel.assign(kernel)

    result = corrected(whole, photos())

    assert not np.asarray(convolution(result).kernel)[..., 2].any()
    assert np.isfinite(np.asarray(result(photos()))).all()
