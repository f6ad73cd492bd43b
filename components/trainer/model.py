"""The classifier: a backbone's preprocessing, the backbone, and a head trained from scratch."""

from __future__ import annotations

import keras

from components.trainer.backbones import BACKBONES


def build_classifier(
    backbone: keras.Model, name: str, *, classes: int, units: int, dropout: float
) -> keras.Model:
    """Puts a head on a frozen backbone.

    Two classes get one sigmoid unit, the probability of the second; more get softmax.
    The backbone is always called with `training=False`; BatchNormalization nevertheless
    moves its statistics once a layer is trainable, hence `unfreeze`.

    Args:
        backbone: from `load_backbone`; set to `trainable=False`.
        name: a key of `BACKBONES`, for the preprocessing.
        classes: how many, at least 2.
        units: width of the dense layer.
        dropout: share of its units dropped in training, in [0, 1).

    Returns:
        A model from (batch, size, size, 3), RGB in [0, 255], to probabilities (batch, 1) or
        (batch, classes).
    """
    backbone.trainable = False
    photos = keras.Input(backbone.input_shape[1:], name="photos")
    outputs = backbone(BACKBONES[name].preprocess(photos), training=False)
    outputs = keras.layers.Dense(units, activation="relu", name="head")(outputs)
    outputs = keras.layers.Dropout(dropout, name="dropout")(outputs)
    outputs = (
        keras.layers.Dense(1, activation="sigmoid", name="probability")(outputs)
        if classes == 2
        else keras.layers.Dense(classes, activation="softmax", name="probabilities")(outputs)
    )
    return keras.Model(photos, outputs, name="classifier")


def compile_classifier(model: keras.Model, learning_rate: float) -> None:
    """Compiles for labels given as class numbers, int64 (batch,)."""
    binary = model.output_shape[-1] == 1
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def unfreeze(backbone: keras.Model, from_fraction: float) -> None:
    """Makes the upper layers of a backbone trainable, BatchNormalization excepted.

    With `trainable=True` Keras (3.5 and later) updates a BatchNormalization layer's moving
    statistics even inside a call with `training=False`; a few hundred photos would spoil
    what ImageNet's million taught it. The model has to be compiled again afterwards.

    Args:
        backbone: a model of keras.applications.
        from_fraction: share of its layers, from the input up, that stay frozen, in [0, 1).
    """
    backbone.trainable = True
    first = int(len(backbone.layers) * from_fraction)
    for index, layer in enumerate(backbone.layers):
        frozen = index < first or isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not frozen
