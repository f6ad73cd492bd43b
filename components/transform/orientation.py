"""Turns photos the way their camera was held, in the graph: serving must do as training did.

A camera stores pixels as its sensor lies, and writes into EXIF how to turn them (CIPA DC-008,
"Exchangeable image file format", tag 0x0112). TensorFlow's decoders ignore that.
"""

from __future__ import annotations

import tensorflow as tf

# Bytes that are looked at. EXIF comes first in a JPEG, or after a JFIF header of 18 bytes, and
# its first directory, with some dozen entries of 12 bytes, right behind its own header.
_HEADER_BYTES = 4096
_SEARCHED = 1024

# Marker of the segment, two bytes of its length, and what it begins with, before the TIFF header.
_SEGMENT = (0xFF, 0xE1, None, None, *b"Exif\0\0")

_ORIENTATION_TAG = 0x0112
_ENTRY_BYTES = 12
_MOST_ENTRIES = 64


def exif_orientation(encoded: tf.Tensor) -> tf.Tensor:
    """Reads the orientation of a JPEG.

    Args:
        encoded: string (), a file of any format.

    Returns:
        int64 (), 1 to 8; 1, as it is, where the file says nothing or nonsense.
    """
    padded = tf.strings.join([tf.strings.substr(encoded, 0, _HEADER_BYTES), b"\0" * _HEADER_BYTES])
    header = tf.cast(
        tf.io.decode_raw(tf.strings.substr(padded, 0, _HEADER_BYTES), tf.uint8), "int64"
    )
    begins = [
        header[offset : offset + _SEARCHED] == byte
        for offset, byte in enumerate(_SEGMENT)
        if byte is not None
    ]
    matches = tf.reduce_all(begins, axis=0)
    jpeg = tf.reduce_all(header[:3] == [0xFF, 0xD8, 0xFF])
    tiff = tf.argmax(matches) + len(_SEGMENT)
    big_endian = header[tiff] == ord("M")

    def numbers(positions: tf.Tensor, size: int) -> tf.Tensor:
        """Reads an unsigned number at each position after the TIFF header."""
        at = tiff + positions[..., tf.newaxis] + tf.range(size, dtype=tf.int64)
        digits = tf.gather(header, tf.clip_by_value(at, 0, _HEADER_BYTES - 1))
        powers = tf.constant([256**place for place in range(size)], tf.int64)
        powers = tf.where(big_endian, powers[::-1], powers)
        return tf.reduce_sum(digits * powers, axis=-1)

    directory = numbers(tf.constant(4, tf.int64), 4)
    index = tf.range(_MOST_ENTRIES, dtype=tf.int64)
    entries = directory + 2 + _ENTRY_BYTES * index
    wanted = (numbers(entries, 2) == _ORIENTATION_TAG) & (index < numbers(directory, 2))
    value = numbers(entries[tf.argmax(wanted)] + 8, 2)
    known = jpeg & tf.reduce_any(matches) & tf.reduce_any(wanted) & (value >= 1) & (value <= 8)
    return tf.where(known, value, 1)


def oriented(photo: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns and mirrors a photo as EXIF says.

    Args:
        photo: (height, width, channels).
        orientation: int64 (), 1 to 8.

    Returns:
        The same dtype; height and width are exchanged for 5 to 8.
    """

    def is_one_of(*orientations: int) -> tf.Tensor:
        return tf.reduce_any(orientation == orientations)

    def reversed_where(condition: tf.Tensor, axis: int, image: tf.Tensor) -> tf.Tensor:
        return tf.cond(condition, lambda: tf.reverse(image, [axis]), lambda: image)

    # 5 to 8 lie on their side: first row and column are exchanged.
    upright = tf.cond(orientation > 4, lambda: tf.transpose(photo, (1, 0, 2)), lambda: photo)
    upright = reversed_where(is_one_of(3, 4, 7, 8), 0, upright)
    return reversed_where(is_one_of(2, 3, 6, 7), 1, upright)
