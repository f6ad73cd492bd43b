"""The one preprocessing of photos: Transform applies it, and the served model the very same.

Normalisation is not here: each backbone's own is a part of the model.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schemas import features

IMAGE_SIZE_KEY = "image_size"

# zlib's fastest level: the records are compressed once more when written.
_PNG_COMPRESSION = 1


def decode_photo(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Decodes one photo and resizes it, without keeping its aspect.

    Args:
        encoded: string (), a JPEG, PNG, GIF (its first frame), BMP or WebP file.
        size: pixels on each side of the result.

    Returns:
        uint8 (size, size, 3), RGB in [0, 255].

    Raises:
        tf.errors.InvalidArgumentError: if the photo cannot be decoded.
    """
    photo = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    # decode_image leaves the rank unknown to the graph.
    photo = tf.ensure_shape(photo, (None, None, 3))
    resized = tf.image.resize(photo, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def decode_photos(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Applies `decode_photo` to each of a batch.

    Args:
        encoded: string (batch,).
        size: pixels on each side of the result.

    Returns:
        uint8 (batch, size, size, 3), RGB in [0, 255].
    """
    return tf.map_fn(
        lambda photo: decode_photo(photo, size),
        encoded,
        fn_output_signature=tf.TensorSpec((size, size, 3), tf.uint8),
    )


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Describes to TensorFlow Transform what becomes of the raw features.

    Args:
        inputs: `schemas.features.IMAGE` and `LABEL`, string (batch, 1) or (batch,).
        custom_config: `image_size` in pixels.

    Returns:
        `IMAGE_XF`: string (batch,), the resized photo as PNG, which loses nothing;
        `LABEL_XF`: string (batch,). The labels seen are kept as a vocabulary.
    """
    size = custom_config[IMAGE_SIZE_KEY]
    labels = tf.reshape(inputs[features.LABEL], [-1])
    # As TFRecord, because a class name may hold a newline.
    tft.vocabulary(
        labels, vocab_filename=features.CLASSES_VOCABULARY, file_format="tfrecord_gzip"
    )
    return {
        features.IMAGE_XF: tf.map_fn(
            lambda photo: tf.io.encode_png(decode_photo(photo, size), _PNG_COMPRESSION),
            tf.reshape(inputs[features.IMAGE], [-1]),
            fn_output_signature=tf.string,
        ),
        features.LABEL_XF: labels,
    }
