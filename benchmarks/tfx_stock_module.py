"""The module file of `benchmarks.tfx_stock`: what a user of TFX writes for Transform and Trainer.

It stands alone, as TFX packs it: data, network, augmentation and rates are those of
`benchmarks.plain_keras`, written again in TFX's way.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

IMAGE = "image"
LABEL = "label"
SIGNATURE = "serving_default"

_SIZE = 160
_BATCH_SIZE = 32
_SEED = 42


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Describes to Transform what becomes of a photo; called by TFX.

    Args:
        inputs: `IMAGE`, string (batch, 1), encoded photos; `LABEL`, int64 (batch, 1).

    Returns:
        `image_xf`: float32 (batch, 160, 160, 3) in [-1, 1]; `label_xf`: int64 (batch, 1).
    """
    images = tf.map_fn(
        lambda encoded: tf.image.resize(_decoded(encoded[0]), (_SIZE, _SIZE)),
        inputs[IMAGE],
        fn_output_signature=tf.TensorSpec((_SIZE, _SIZE, 3), tf.float32),
    )
    return {
        _transformed(IMAGE): keras.applications.mobilenet_v2.preprocess_input(images),
        _transformed(LABEL): inputs[LABEL],
    }


def run_fn(fn_args: FnArgs) -> None:
    """Trains a head, then the upper half of the layers as well, and exports; called by TFX.

    Args:
        fn_args: from Trainer; `custom_config` has `epochs` of each stage, the number of `classes`
            and the file of `weights`.
    """
    config = fn_args.custom_config
    keras.utils.set_random_seed(_SEED)
    transformed = tft.TFTransformOutput(fn_args.transform_output)
    train = _augmented(_photos(fn_args.train_files, transformed))
    evaluation = (
        _photos(fn_args.eval_files, transformed).batch(_BATCH_SIZE).prefetch(tf.data.AUTOTUNE)
    )
    backbone, model = _model(config["classes"], config["weights"])

    _compile(model, 1e-4)
    model.fit(train, validation_data=evaluation, epochs=config["epochs"], verbose=2)

    backbone.trainable = True
    for index, layer in enumerate(backbone.layers):
        batch_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = index >= len(backbone.layers) // 2 and not batch_norm
    _compile(model, 1e-5)
    model.fit(train, validation_data=evaluation, epochs=config["epochs"], verbose=2)

    _export(model, transformed, fn_args.serving_model_dir)


def _transformed(name: str) -> str:
    return f"{name}_xf"


def _decoded(encoded: tf.Tensor) -> tf.Tensor:
    photo = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(photo, (None, None, 3))


def _photos(patterns: list[str], transformed: tft.TFTransformOutput) -> tf.data.Dataset:
    """Reads what Transform wrote; from the second epoch on, from memory."""
    files = [file for pattern in patterns for file in sorted(tf.io.gfile.glob(pattern))]
    spec = transformed.transformed_feature_spec()

    def parsed(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.io.parse_single_example(record, spec)
        return features[_transformed(IMAGE)], features[_transformed(LABEL)]

    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    photos = records.map(parsed, tf.data.AUTOTUNE).cache()
    # Counting fills the cache; the number is what shuffling and Keras need.
    return photos.apply(tf.data.experimental.assert_cardinality(sum(1 for _ in photos)))


def _augmented(photos: tf.data.Dataset) -> tf.data.Dataset:
    """Shuffles, batches and changes photos, on all cores and ahead of the training step."""
    changes = [
        keras.layers.RandomRotation(20 / 360, fill_mode="nearest", seed=_SEED),
        keras.layers.RandomTranslation(0.2, 0.2, fill_mode="nearest", seed=_SEED),
        keras.layers.RandomFlip("horizontal", seed=_SEED),
    ]

    def changed(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        for change in changes:
            images = change(images, training=True)
        return images, labels

    shuffled = photos.shuffle(photos.cardinality(), _SEED).batch(_BATCH_SIZE)
    return shuffled.map(changed, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _model(classes: int, weights: str) -> tuple[keras.Model, keras.Model]:
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(_SIZE, _SIZE, 3), pooling="avg"
    )
    backbone.load_weights(weights)
    backbone.trainable = False
    photos = keras.Input((_SIZE, _SIZE, 3))
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


def _export(model: keras.Model, transformed: tft.TFTransformOutput, folder: str) -> None:
    """Writes a SavedModel whose signature takes tf.Examples: it transforms them by itself."""
    layer = transformed.transform_features_layer()
    spec = transformed.raw_feature_spec()
    del spec[LABEL]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> Any:
        return model(layer(tf.io.parse_example(examples, spec))[_transformed(IMAGE)])

    serving = tf.Module()
    serving.model, serving.layer = model, layer
    tf.saved_model.save(serving, folder, signatures={SIGNATURE: serve})
