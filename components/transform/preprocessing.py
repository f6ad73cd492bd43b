"""The one preprocessing of photos: Transform applies it, and the served model the very same.

Normalisation is not here: each backbone's own is a part of the model.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components.transform.orientation import exif_orientation, oriented
from schemas import features

IMAGE_SIZE_KEY = "image_size"

# Values of a hash of a file; two of 100,000 files share one once in a billion data sets.
_SOURCE_BUCKETS = 1 << 62

# zlib's fastest level: the records are compressed once more when written.
_PNG_COMPRESSION = 1

# Of a file, which tell its format apart: the longest is a BMP's with its palette.
_HEADER_BYTES = 54 + 1024

# Of a BMP with 8 bits a pixel: blue, green, red and a zero for each level.
_GREY_PALETTE = b"".join(bytes([level, level, level, 0]) for level in range(256))


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
    return _decoder(size)(encoded)


@lru_cache
def _decoder(size: int) -> Any:
    """Returns the function behind `decode_photo`.

    Traced once: TensorFlow Transform builds its graph ten times over, and training, export and
    report have it in theirs.
    """

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def decoded(encoded: tf.Tensor) -> tf.Tensor:
        resized = tf.image.resize(decode(encoded), (size, size), antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)

    return decoded


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes one photo at its own size, turned as EXIF says; transparency is left out.

    Args:
        encoded: string (), a JPEG, PNG, GIF (its first frame), BMP or WebP file.

    Returns:
        uint8 (height, width, 3), RGB in [0, 255].

    Raises:
        tf.errors.InvalidArgumentError: if the photo cannot be decoded.
    """
    # TensorFlow takes the colour numbers of a BMP with a palette for levels of grey.
    with tf.control_dependencies([tf.debugging.Assert(~_has_palette(encoded), ["BMP palette"])]):
        encoded = tf.identity(encoded)
    photo = tf.cond(
        _is_still_webp(encoded),
        # decode_image refuses transparent WebP, whatever the number of channels.
        lambda: tf.image.decode_webp(encoded, channels=0)[0, :, :, :3],
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    # decode_image leaves the rank unknown to the graph.
    photo = tf.ensure_shape(photo, (None, None, 3))
    return oriented(photo, exif_orientation(encoded))


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


def source_of(encoded: tf.Tensor) -> tf.Tensor:
    """Returns a hash of each file, by which a transformed example is found among the raw ones.

    The path would do as well, but Transform reads only what the schema has, which is inferred
    from statistics that leave the path out.

    Args:
        encoded: string (batch,), the photos as files.

    Returns:
        int64 (batch,), not negative; FarmHash's Fingerprint64, the same on every machine.
    """
    return tf.strings.to_hash_bucket_fast(encoded, _SOURCE_BUCKETS)


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Describes to TensorFlow Transform what becomes of the raw features.

    Args:
        inputs: `schemas.features.IMAGE` and `LABEL`, string (batch, 1) or (batch,).
        custom_config: `image_size` in pixels.

    Returns:
        `IMAGE_XF`: string (batch,), the resized photo as PNG, which loses nothing;
        `LABEL_XF`: string (batch,). The labels seen are kept as a vocabulary;
        `SOURCE_XF`: int64 (batch,), from `source_of`.
    """
    size = custom_config[IMAGE_SIZE_KEY]
    encoded = tf.reshape(inputs[features.IMAGE], [-1])
    labels = tf.reshape(inputs[features.LABEL], [-1])
    # As TFRecord, because a class name may hold a newline.
    tft.vocabulary(labels, vocab_filename=features.CLASSES_VOCABULARY, file_format="tfrecord_gzip")
    return {
        features.IMAGE_XF: tf.map_fn(
            lambda photo: tf.io.encode_png(decode_photo(photo, size), _PNG_COMPRESSION),
            encoded,
            fn_output_signature=tf.string,
        ),
        features.LABEL_XF: labels,
        features.SOURCE_XF: source_of(encoded),
    }


def _is_still_webp(encoded: tf.Tensor) -> tf.Tensor:
    """Tells by the header; opaque animations make decode_webp abort the process (TF 2.21)."""
    webp = (_bytes(encoded, 0, 4) == b"RIFF") & (_bytes(encoded, 8, 4) == b"WEBP")
    # https://developers.google.com/speed/webp/docs/riff_container: bit 1 of the flags.
    animated = (_bytes(encoded, 12, 4) == b"VP8X") & (_byte(encoded, 20) & 2 != 0)
    return webp & ~animated


def _has_palette(encoded: tf.Tensor) -> tf.Tensor:
    """Tells by the header whether this is a BMP with a palette other than levels of grey."""
    few_bits = (_bytes(encoded, 0, 2) == b"BM") & (_byte(encoded, 28) <= 8)
    return few_bits & (_bytes(encoded, 54, len(_GREY_PALETTE)) != _GREY_PALETTE)


def _bytes(encoded: tf.Tensor, start: int, length: int) -> tf.Tensor:
    """Returns some bytes, or fewer where the file is shorter."""
    header = tf.strings.substr(encoded, 0, _HEADER_BYTES)
    return tf.strings.substr(tf.strings.join([header, b"\0" * _HEADER_BYTES]), start, length)


def _byte(encoded: tf.Tensor, position: int) -> tf.Tensor:
    return tf.io.decode_raw(_bytes(encoded, position, 1), tf.uint8)[0]
