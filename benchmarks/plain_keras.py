"""The tutorial's way in plain Keras: python -m benchmarks.plain_keras DATA HELD_OUT.

ImageDataGenerator over class folders, frozen epochs over images, then fine-tune epochs from half
of the layers, with the same photos, weights, head, rates and augmentation as warmstart's
defaults. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

STARTED = time.perf_counter()

import keras  # noqa: E402 (its import is a part of what is measured)
from keras.src.legacy.preprocessing.image import ImageDataGenerator  # noqa: E402

import samples  # noqa: E402

_SIZE = (160, 160)
_BATCH_SIZE = 32
_SEED = 42


def main(argv: list[str] | None = None) -> None:
    """Trains, predicts the held-out folder, and prints what that took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("held_out")
    parser.add_argument("--epochs", type=int, default=10, help="in each stage")
    args = parser.parse_args(argv)
    keras.utils.set_random_seed(_SEED)
    train, validation = _generators(args.data)
    backbone, model = _model(train.num_classes)
    imported = time.perf_counter()

    _compile(model, 1e-4)
    model.fit(train, validation_data=validation, epochs=args.epochs, verbose=0)
    frozen = time.perf_counter()

    backbone.trainable = True
    for index, layer in enumerate(backbone.layers):
        batch_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = index >= len(backbone.layers) // 2 and not batch_norm
    _compile(model, 1e-5)
    model.fit(train, validation_data=validation, epochs=args.epochs, verbose=0)
    tuned = time.perf_counter()

    accuracy = _accuracy(model, args.held_out)
    result = {
        "seconds": {
            "start_up": imported - STARTED,
            "frozen": frozen - imported,
            "fine_tune": tuned - frozen,
            "held_out": time.perf_counter() - tuned,
        },
        "accuracy": accuracy,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _generators(data: str) -> tuple[Any, Any]:
    changed = ImageDataGenerator(
        preprocessing_function=keras.applications.mobilenet_v2.preprocess_input,
        rotation_range=20,
        width_shift_range=0.2,
        height_shift_range=0.2,
        horizontal_flip=True,
        validation_split=0.2,
    )
    unchanged = ImageDataGenerator(
        preprocessing_function=keras.applications.mobilenet_v2.preprocess_input,
        validation_split=0.2,
    )
    common = {"target_size": _SIZE, "batch_size": _BATCH_SIZE, "class_mode": "sparse"}
    train = changed.flow_from_directory(data, subset="training", seed=_SEED, **common)
    validation = unchanged.flow_from_directory(data, subset="validation", shuffle=False, **common)
    return train, validation


def _model(classes: int) -> tuple[keras.Model, keras.Model]:
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(*_SIZE, 3), pooling="avg"
    )
    backbone.load_weights(samples.WEIGHTS_FILE)
    backbone.trainable = False
    photos = keras.Input((*_SIZE, 3))
    outputs = keras.layers.Dense(128, activation="relu")(backbone(photos, training=False))
    outputs = keras.layers.Dropout(0.5)(outputs)
    outputs = (
        keras.layers.Dense(1, activation="sigmoid")(outputs)
        if classes == 2
        else keras.layers.Dense(classes, activation="softmax")(outputs)
    )
    return backbone, keras.Model(photos, outputs)


def _compile(model: keras.Model, rate: float) -> None:
    binary = model.output_shape[-1] == 1
    loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])


def _accuracy(model: keras.Model, folder: str) -> float:
    held_out = ImageDataGenerator(
        preprocessing_function=keras.applications.mobilenet_v2.preprocess_input
    ).flow_from_directory(
        folder, target_size=_SIZE, batch_size=_BATCH_SIZE, class_mode="sparse", shuffle=False
    )
    return float(model.evaluate(held_out, verbose=0)[1])


if __name__ == "__main__":
    main()
