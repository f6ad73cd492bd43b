"""A layer that runs out of memory as a GPU's does: it really asks for more than there is."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

# Of a square matrix in float32: 70 terabytes, which no allocator has.
_SIDE = 2**22


class Hungry(keras.layers.Layer):
    """Hands its input on, unless it has too many rows.

    TensorFlow raises its own ResourceExhaustedError, in the middle of a graph or eagerly.
    """

    def __init__(self, most: int, *, after: int = 0, **settings: Any) -> None:
        """Says when memory runs out.

        Args:
            most: rows at a time that there is memory for.
            after: calls that have memory enough in any case.
            settings: of every layer.
        """
        super().__init__(**settings)
        self._most = most
        self._after = after
        self._calls = tf.Variable(0, trainable=False)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the input."""
        called = self._calls.assign_add(1) if self._after else tf.constant(1)
        enough = (tf.shape(inputs)[0] <= self._most) | (called <= self._after)
        side = tf.where(enough, 1, _SIDE)
        # At least 0, so that nothing is added.
        filled = tf.random.stateless_uniform(tf.stack([side, side]), seed=(0, 0))
        return inputs + tf.cast(tf.minimum(tf.reduce_max(filled), 0.0), inputs.dtype)
