"""Tests of EXIF's orientation, against Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from components.transform.orientation import exif_orientation, oriented
from components.transform.preprocessing import decode, decode_photos

# Grey, because colour is stored at half the resolution and would blur when turned.
SCENE = Image.fromarray(
    (np.add.outer(np.arange(24) * 3, np.arange(40) * 4) % 256).astype(np.uint8)
).convert("RGB")
ORIENTATIONS = range(1, 9)


def jpeg(orientation: int | None, *, endian: str = "<", **options: Any) -> bytes:
    """Returns a photo as cameras write it: other tags stand before and after the orientation."""
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010E] = "A description of some length, which is stored behind the directory."
    exif[0x010F] = "Maker"
    if orientation is not None:
        exif[0x0112] = orientation
    exif[0x0131] = "Software"
    stream = io.BytesIO()
    SCENE.save(stream, "JPEG", quality=95, exif=exif, **options)
    return stream.getvalue()


def orientation_of(content: bytes) -> int:
    return int(tf.function(exif_orientation)(tf.constant(content)))


def by_pillow(content: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(content)) as photo:
        return np.asarray(ImageOps.exif_transpose(photo).convert("RGB")).astype(int)


@pytest.mark.parametrize("endian", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_photo_stands_as_pillow_turns_it(orientation: int, endian: str) -> None:
    content = jpeg(orientation, endian=endian)

    assert orientation_of(content) == orientation
    ours = decode(tf.constant(content)).numpy().astype(int)
    expected = by_pillow(content)
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).mean() < 1  # The decoders differ by a level here and there.


def test_each_orientation_is_another_view() -> None:
    photo = tf.reshape(tf.range(6), (2, 3, 1))
    views = {
        tuple(oriented(photo, tf.constant(n, tf.int64)).numpy().ravel().tolist())
        for n in ORIENTATIONS
    }

    assert len(views) == 8


def test_photos_of_a_batch_are_turned_each_its_own_way() -> None:
    contents = [jpeg(orientation) for orientation in ORIENTATIONS]

    photos = decode_photos(tf.constant(contents), 16).numpy().astype(int)

    for photo, content in zip(photos, contents, strict=True):
        turned = Image.fromarray(by_pillow(content).astype(np.uint8))
        expected = np.asarray(turned.resize((16, 16), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(photo - expected).mean() < 2


def test_exif_behind_a_jfif_header_is_found() -> None:
    content = jpeg(6)
    jfif = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"

    assert orientation_of(content[:2] + jfif + content[2:]) == 6


@pytest.mark.parametrize("orientation", [None, 0, 9, 65535])
def test_photo_without_a_valid_orientation_stays(orientation: int | None) -> None:
    assert orientation_of(jpeg(orientation)) == 1


def test_every_truncation_is_survived() -> None:
    content = jpeg(6)
    orientations = tf.map_fn(
        exif_orientation,
        tf.constant([content[:length] for length in range(300)]),
        fn_output_signature=tf.int64,
    )

    assert set(orientations.numpy().tolist()) == {1, 6}


def test_directory_beyond_the_end_of_the_file_is_survived() -> None:
    content = jpeg(6)
    tiff = content.index(b"Exif\0\0") + 6
    broken = content[: tiff + 4] + b"\xff\xff\xff\xff" + content[tiff + 8 :]

    assert orientation_of(broken) == 1


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP"])
def test_other_formats_stay(kind: str) -> None:
    stream = io.BytesIO()
    SCENE.save(stream, kind)

    assert orientation_of(stream.getvalue()) == 1


def test_nothing_is_read_into_a_file_that_is_no_jpeg() -> None:
    assert orientation_of(b"text\xff\xe1\0\0" + jpeg(6)[4:]) == 1
    assert orientation_of(b"") == 1
