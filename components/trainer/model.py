"""The head, trained from scratch, and the models that it is a part of."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from components.backbone.loading import preprocess


def build_head(channels: int, *, classes: int, units: int, dropout: float) -> keras.Model:
    """Builds the layers on top of a backbone.

    Two classes get one sigmoid unit, the probability of the second; more get softmax.

    Args:
        channels: width of the embedding.
        classes: how many, at least 2.
        units: width of the dense layer.
        dropout: share of its units dropped in training, in [0, 1).

    Returns:
        A model from float32 (batch, channels) to probabilities (batch, 1) or (batch, classes).
    """
    embedding = keras.Input((channels,), name="embedding")
    outputs = keras.layers.Dense(units, activation="relu", name="dense")(embedding)
    outputs = keras.layers.Dropout(dropout, name="dropout")(outputs)
    width, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    # In float32 under mixed precision too: small probabilities vanish in float16.
    outputs = keras.layers.Dense(
        width, activation=activation, dtype="float32", name="probabilities"
    )(outputs)
    return keras.Model(embedding, outputs, name="head")


def build_classifier(backbone: keras.Model, name: str, head: keras.Model) -> keras.Model:
    """Joins preprocessing, backbone and head.

    The backbone is called with `training=False` in training as well: Dropout and
    BatchNormalization inside it stay as they were pretrained.

    Returns:
        A model from (batch, size, size, 3), RGB in [0, 255], to the head's probabilities.
    """
    photos = keras.Input(backbone.input_shape[1:], name="photos")
    embedding = backbone(preprocess(name, photos), training=False)
    return keras.Model(photos, head(embedding), name="classifier")


def build_upper(upper: keras.Model, head: keras.Model) -> keras.Model:
    """Joins the part of a backbone above the cut and the head.

    Returns:
        A model from the activations at the cut to the head's probabilities.
    """
    activations = keras.Input(upper.input_shape[1:], name="activations")
    return keras.Model(activations, head(upper(activations, training=False)), name="upper")


def compile_classifier(
    model: keras.Model,
    *,
    optimizer: str,
    learning_rate: float,
    schedule: str,
    steps: int,
    label_smoothing: float,
) -> None:
    """Compiles a model for labels as `input_data.Labels` encodes them.

    Args:
        model: any of this module's.
        optimizer: `adam` or `adamw`.
        learning_rate: at the beginning.
        schedule: `constant`, or `cosine`, down to 0 after `steps`.
        steps: batches in all epochs of the stage.
        label_smoothing: share of certainty spread over all classes, in [0, 1).
    """
    rate: Any = learning_rate
    if schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizers = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
    binary = model.output_shape[-1] == 1
    losses, metrics = keras.losses, keras.metrics
    loss = losses.BinaryCrossentropy if binary else losses.CategoricalCrossentropy
    accuracy = metrics.BinaryAccuracy if binary else metrics.CategoricalAccuracy
    chosen = optimizers[optimizer](rate)
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        # There is nothing to sum up, and Keras would do so in a tf.custom_gradient: TensorFlow
        # registers that for good, and with it all that the step has captured, 20 MB and more.
        chosen._all_reduce_sum_gradients = _as_they_are
    model.compile(
        optimizer=chosen,
        loss=loss(label_smoothing=label_smoothing),
        metrics=[accuracy(name="accuracy")],
    )
    # All variables are there before the first step: one that makes some is traced twice.
    model.optimizer.build(model.trainable_variables)


def _as_they_are(
    gradients: list[tuple[tf.Tensor, tf.Variable]],
) -> list[tuple[tf.Tensor, tf.Variable]]:
    return gradients
