"""A model that can learn from a batch in parts, so that memory has to hold one part only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

_State = Any


class Learner(keras.Model):
    """The layers of a model, in training; a batch is one step, in however many parts.

    The weights come out as those of whole batches, but for the order of sums and for Dropout,
    which draws its units anew for each part. Keras' own `gradient_accumulation_steps` makes a
    step of every part: a schedule counts them all, a short last part weighs as much as a whole
    one, an overflow in 16 bits shifts all that follow, and MirroredStrategy fails (keras#20582).
    """

    def __init__(self, model: keras.Model, *, divisor: int) -> None:
        """Shares the layers of a model.

        Args:
            model: with one input and one output.
            divisor: the number of parts; the last may be smaller, or missing.
        """
        super().__init__(model.input, model.output, name=model.name)
        self._divisor = divisor

    def compile(self, **settings: Any) -> None:
        """Does as Keras does, but for XLA, which cannot take parts whose number is not known."""
        if self._divisor > 1:
            settings["jit_compile"] = False
        super().compile(**settings)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Learns from a batch."""
        if self._divisor == 1:
            return super().train_step(data)  # type: ignore[no-any-return]
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        loss, gradients, outputs = self.gradients(x, y, weights, training=True)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return self._measured(x, y, outputs, weights, loss)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measures a batch."""
        if self._divisor == 1:
            return super().test_step(data)  # type: ignore[no-any-return]
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)

        def add(part: slice, share: tf.Tensor, outputs: _State) -> _State:
            return outputs.write(outputs.size(), self(x[part], training=False))

        outputs = self._in_parts(x, add, self._no_outputs()).concat()
        loss = self.compute_loss(x, y, outputs, weights, training=False)
        return self._measured(x, y, outputs, weights, loss)

    def gradients(
        self, x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor | None = None, *, training: bool
    ) -> tuple[tf.Tensor, list[tf.Tensor], tf.Tensor]:
        """Works out what a batch would change.

        Args:
            x: (rows, …).
            y: (rows, …), as `input_data.Labels` encodes them.
            weights: (rows,), or None.
            training: whether units are dropped, and the loss is scaled for 16 bits.

        Returns:
            The mean loss, its gradient by each trainable weight, and the model's outputs.
        """
        sources = [weight.value for weight in self.trainable_weights]

        def add(part: slice, share: tf.Tensor, state: _State) -> _State:
            total, sums, outputs = state
            with tf.GradientTape() as tape:
                made = self(x[part], training=training)
                of_part = None if weights is None else weights[part]
                loss = share * self.compute_loss(x[part], y[part], made, of_part, training=training)
                scaled = self.optimizer.scale_loss(loss) if training else loss
            found = tape.gradient(
                scaled, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            sums = [tf.add(*pair) for pair in zip(sums, found, strict=True)]
            return total + loss, sums, outputs.write(outputs.size(), made)

        nothing = (tf.constant(0.0), [tf.zeros_like(value) for value in sources])
        total, sums, outputs = self._in_parts(x, add, (*nothing, self._no_outputs()))
        return total, sums, outputs.concat()

    def _in_parts(
        self, x: tf.Tensor, add: Callable[[slice, tf.Tensor, _State], _State], state: _State
    ) -> _State:
        """Adds one part of a batch after the other to a state, with its share of the rows."""
        rows = tf.shape(x)[0]
        size = -(-rows // self._divisor)

        def step(start: tf.Tensor, state: _State) -> tuple[tf.Tensor, _State]:
            stop = tf.minimum(start + size, rows)
            share = tf.cast(stop - start, tf.float32) / tf.cast(rows, tf.float32)
            return stop, add(slice(start, stop), share, state)

        # With more than one iteration at a time, several parts would be in memory.
        return tf.while_loop(
            lambda start, _: start < rows, step, (tf.constant(0), state), parallel_iterations=1
        )[1]

    def _no_outputs(self) -> tf.TensorArray:
        return tf.TensorArray(
            tf.as_dtype(self.output.dtype),
            size=0,
            dynamic_size=True,
            infer_shape=False,
            element_shape=self.output.shape,
        )

    def _measured(
        self, x: tf.Tensor, y: tf.Tensor, outputs: tf.Tensor, weights: Any, loss: tf.Tensor
    ) -> dict[str, Any]:
        """Updates the metrics as Keras does after a whole batch."""
        # Of several replicas each has its part of the mean.
        whole = loss * self.distribute_strategy.num_replicas_in_sync
        (tracker,) = (metric for metric in self.metrics if metric.name == "loss")
        tracker.update_state(whole, sample_weight=tf.shape(x)[0])
        measured: dict[str, Any] = self.compute_metrics(x, y, outputs, sample_weight=weights)
        return measured
