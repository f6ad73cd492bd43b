"""Makes up for what rounding weights to 8 bits does to the mean of each channel.

A channel whose sum nearly cancels out is scaled up by the normalization behind it, and with it the
rounding of its weights: mostly a constant, which is taken off where the layer adds one anyway.
Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction, 2019.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

# Of int8 weights, which are symmetric.
_STEPS = 127

# Bounds memory: the inputs of all convolutions are kept for so many photos.
_BATCH_SIZE = 8


def corrected(model: keras.Model, photos: np.ndarray) -> keras.Model:
    """Returns a copy whose convolutions are rounded to 8 bits, with their means as before.

    Converting it to int8 changes these weights no more. Layers that add no constant, neither
    themselves nor by a normalization behind them, stay as they are.

    Args:
        model: a functional model, also of other models.
        photos: its input, of the kind that it will see; some dozen.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    _correct(copy, photos)
    return copy


def _correct(model: keras.Model, inputs: np.ndarray) -> None:
    offsets = {
        layer: offset
        for layer in filter(_is_convolution, model.layers)
        if (offset := _offset(layer)) is not None
    }
    if offsets:
        rounded = [_rounded(layer) for layer in offsets]
        shifts = _shifts(model, list(offsets), rounded, inputs)
        for (layer, (offset, sign)), kernel, shift in zip(
            offsets.items(), rounded, shifts, strict=True
        ):
            layer.kernel.assign(kernel)
            offset.assign_add(sign * shift)
    for inner in model.layers:
        if _is_graph(inner) and any(map(_is_convolution, inner._flatten_layers())):
            source = keras.Model(model.input, inner._inbound_nodes[-1].input_tensors[0])
            _correct(inner, source.predict(inputs, batch_size=_BATCH_SIZE, verbose=0))


def _is_graph(layer: keras.layers.Layer) -> bool:
    # The few layers of a Sequential within, as ConvNeXt has, are not wired to its input.
    return isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)


def _is_convolution(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)


def _offset(layer: keras.layers.Layer) -> tuple[Any, int] | None:
    """Returns the variable that a shift of the output goes into, and whether it adds to it."""
    if layer.use_bias:
        return layer.bias, -1
    behind = [node.operation for node in layer._outbound_nodes]
    if len(behind) == 1 and isinstance(behind[0], keras.layers.BatchNormalization):
        return behind[0].moving_mean, 1
    return None


def _rounded(layer: keras.layers.Layer) -> np.ndarray:
    """Rounds as the converter does: each channel of the output has its own scale."""
    kernel = np.asarray(layer.kernel)
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    largest = np.abs(kernel).max(axis=(0, 1) if depthwise else (0, 1, 2), keepdims=True)
    scale = np.where(largest == 0, 1, largest / _STEPS)
    return np.asarray(np.round(kernel / scale) * scale, np.float32)


def _shifts(
    model: keras.Model,
    convolutions: list[keras.layers.Layer],
    rounded: list[np.ndarray],
    inputs: np.ndarray,
) -> list[np.ndarray]:
    """Returns by how much each channel's mean differs, float32 (channels,) for each layer."""
    probe = keras.Model(model.input, [layer.input for layer in convolutions])
    sums = [np.zeros(layer.output.shape[-1], np.float64) for layer in convolutions]
    for start in range(0, len(inputs), _BATCH_SIZE):
        batch = inputs[start : start + _BATCH_SIZE]
        seen = probe(batch.astype(np.float32), training=False)
        for total, layer, kernel, activations in zip(
            sums, convolutions, rounded, seen if len(convolutions) > 1 else [seen], strict=True
        ):
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            convolve = keras.ops.depthwise_conv if depthwise else keras.ops.conv
            difference = convolve(
                activations,
                kernel - np.asarray(layer.kernel),
                strides=layer.strides,
                padding=layer.padding,
                dilation_rate=layer.dilation_rate,
            )
            np.add(total, len(batch) * np.asarray(difference).mean(axis=(0, 1, 2)), out=total)
    return [np.asarray(total / len(inputs), np.float32) for total in sums]
