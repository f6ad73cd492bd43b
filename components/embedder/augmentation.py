"""Random changes to photos that depend on nothing but the photo, the view and the seed.

A view of a photo is therefore the same in whatever batch, process or run it is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

# Resolution of the random numbers: hashes are taken modulo this.
_LEVELS = 1 << 24


@dataclass(frozen=True)
class Augmentation:
    """How much a photo may change; names and meaning as in the configuration.

    Attributes:
        rotation: at most this many degrees each way.
        width_shift: at most this share of the width each way.
        height_shift: at most this share of the height each way.
        horizontal_flip: mirror every second view.
        seed: of all changes.
    """

    rotation: float
    width_shift: float
    height_shift: float
    horizontal_flip: bool
    seed: int


def photo_identities(encoded: tf.Tensor) -> tf.Tensor:
    """Returns what tells one photo from another, computed in the graph.

    Args:
        encoded: string (batch,), the photos as files.

    Returns:
        string (batch,).
    """
    return tf.strings.as_string(tf.strings.to_hash_bucket_fast(encoded, 1 << 62))


def augment(
    photos: tf.Tensor, identities: tf.Tensor, view: tf.Tensor, augmentation: Augmentation
) -> tf.Tensor:
    """Makes one view of each photo; gaps are filled with the nearest pixel.

    Args:
        photos: (batch, height, width, 3), RGB in [0, 255].
        identities: from `photo_identities`, string (batch,).
        view: int (): 0 is the photo as it is, each other number another change.
        augmentation: how much.

    Returns:
        float32 (batch, height, width, 3) in [0, 255].
    """
    photos = tf.cast(photos, tf.float32)
    view = tf.convert_to_tensor(view)
    return tf.cond(
        tf.equal(view, 0),
        lambda: photos,
        lambda: _transform(photos, _matrices(photos, identities, view, augmentation)),
    )


def _transform(photos: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=photos,
        transforms=matrices,
        output_shape=tf.shape(photos)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _matrices(
    photos: tf.Tensor, identities: tf.Tensor, view: tf.Tensor, augmentation: Augmentation
) -> tf.Tensor:
    """Returns (batch, 8): from a pixel of the view to the pixel of the photo it shows."""

    def uniform(what: str) -> tf.Tensor:
        key = tf.strings.join(
            [identities, f"{what}:{augmentation.seed}", tf.strings.as_string(view)], separator=":"
        )
        # FarmHash's Fingerprint64: the same on every machine.
        return tf.cast(tf.strings.to_hash_bucket_fast(key, _LEVELS), tf.float32) / _LEVELS

    def within(what: str, limit: float) -> tf.Tensor:
        return (2 * uniform(what) - 1) * limit

    height = tf.cast(tf.shape(photos)[1], tf.float32)
    width = tf.cast(tf.shape(photos)[2], tf.float32)
    angle = within("rotation", augmentation.rotation * math.pi / 180)
    right = within("width", augmentation.width_shift) * width
    down = within("height", augmentation.height_shift) * height
    flipped = uniform("flip") < 0.5 if augmentation.horizontal_flip else tf.zeros_like(angle) > 0
    mirror = tf.where(flipped, -1.0, 1.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    # Around the centre: mirror, rotate, shift.
    a, b, d, e = cos * mirror, -sin * mirror, sin, cos
    c = centre_x - a * centre_x - b * centre_y + right
    f = centre_y - d * centre_x - e * centre_y + down
    zero = tf.zeros_like(a)
    return tf.stack([a, b, c, d, e, f, zero, zero], axis=1)
