"""Tests of reading one image file."""

from __future__ import annotations

import hashlib
import io
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from photo_files import encoded, file_of, noise
from PIL import Image, ImageOps

import samples
from components.dataset.image_file import (
    Inspection,
    as_graph_reads,
    as_png,
    inspect,
    looks_like_image,
    quiet_pillow,
    upright_rgb,
)

MOST = 10**8
PHOTO = min((samples.PHOTOS_FOLDER / "mammals").iterdir())


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_pillow():
        yield


def bomb() -> bytes:
    """Returns a small PNG that claims to be 20,000 pixels wide and high."""
    content = bytearray(encoded(kind="PNG"))
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


NO_IMAGE = "not a JPEG, PNG, GIF, BMP, WebP or TIFF file"
PROBLEMS = {
    "empty": (b"", "empty"),
    "text": (b"Tom is shy.", NO_IMAGE),
    "a sound": (b"RIFF....WAVEfmt ", NO_IMAGE),
    "magic alone": (b"\x89PNG\r\n\x1a\n", "damaged header"),
    "header of a JPEG cut off": (encoded()[:60], "cannot be decoded"),
    "bomb": (bomb(), "20000 x 20000 pixels, more than data.max_pixels"),
    "large": (encoded(size=65), "65 x 65 pixels, more than data.max_pixels"),
    "half a JPEG": (half(encoded(size=64)), "truncated"),
    "half a PNG": (half(encoded(size=64, kind="PNG")), "truncated"),
}


@pytest.mark.parametrize(("content", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_file_that_cannot_be_used_says_why(content: bytes, problem: str) -> None:
    digest = hashlib.sha256(content).hexdigest()

    assert inspect(content, 64 * 64) == Inspection(digest, len(content), problem)


def test_bomb_is_not_decoded() -> None:
    """Decoded it would take 1.2 GB; that it is not shows in what is said of it."""
    assert inspect(bomb(), 20_000**2).problem == "truncated"


def test_photo_with_as_many_pixels_as_allowed_is_used() -> None:
    assert inspect(encoded(size=64), 64 * 64).problem == ""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_every_format_is_measured(kind: str) -> None:
    content = file_of(Image.open(PHOTO), kind)
    reference = np.asarray(Image.open(PHOTO).convert("L"), float) / 255

    seen = inspect(content, MOST)

    assert seen.problem == ""
    assert seen.digest == hashlib.sha256(content).hexdigest()
    assert (seen.height, seen.width) == reference.shape
    assert seen.channels == 3
    assert seen.brightness == pytest.approx(reference.mean(), abs=0.01)
    assert seen.contrast == pytest.approx(reference.std(), abs=0.01)
    assert len(seen.perceptual_hash) == 64
    assert looks_like_image(content[:12])


def test_sharpness_falls_when_a_photo_is_blurred_and_not_when_it_is_large() -> None:
    from PIL import ImageFilter

    photo = Image.open(PHOTO)
    sharp = inspect(file_of(photo), MOST).sharpness
    blurred = inspect(file_of(photo.filter(ImageFilter.GaussianBlur(3))), MOST).sharpness
    large = inspect(file_of(photo.resize((photo.width * 3, photo.height * 3))), MOST).sharpness

    assert blurred < sharp / 3
    assert large == pytest.approx(sharp, rel=0.4)


CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


@pytest.mark.parametrize("mode", CHANNELS)
def test_channels_are_those_of_the_file(mode: str) -> None:
    assert inspect(file_of(noise(1, mode=mode)), MOST).channels == CHANNELS[mode]


def test_plain_surface_has_no_perceptual_hash() -> None:
    assert inspect(file_of(Image.new("RGB", (64, 64), "white")), MOST).perceptual_hash == ""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_photo_is_seen_the_way_it_is_shown(kind: str, orientation: int) -> None:
    photo = Image.open(PHOTO).resize((120, 80))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = file_of(photo, kind, exif=exif, **options)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    upright = inspect(file_of(shown), MOST)

    seen = inspect(content, MOST)

    assert (seen.width, seen.height) == shown.size
    bits = int(seen.perceptual_hash, 16) ^ int(upright.perceptual_hash, 16)
    assert bits.bit_count() <= 8
    assert np.array_equal(np.asarray(upright_rgb(content)), np.asarray(shown))


def levels_16() -> np.ndarray:
    return np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)


DEEP = {"PNG": "I;16", "TIFF": "I;16"}


@pytest.mark.parametrize("kind", DEEP)
def test_16_bits_are_scaled_to_8(kind: str) -> None:
    content = file_of(Image.fromarray(levels_16()), kind)

    shown = np.asarray(upright_rgb(content))

    assert shown.dtype == np.uint8
    assert np.abs(shown[:, :, 0] - levels_16() / 257.0).max() <= 1
    assert inspect(content, MOST).brightness == pytest.approx(0.5, abs=0.01)


def odd_files() -> dict[str, bytes]:
    """Returns files that TensorFlow's decoders refuse, or read otherwise than Pillow."""
    photo = Image.open(PHOTO).resize((64, 48))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [photo.transpose(Image.Transpose.ROTATE_180)]
    return {
        "TIFF": file_of(photo, "TIFF"),
        "CMYK JPEG": file_of(photo.convert("CMYK"), "JPEG"),
        "BMP with a palette": file_of(photo.quantize(16), "BMP"),
        "animated GIF": file_of(photo, "GIF", save_all=True, append_images=frames),
        "animated WebP": file_of(photo, "WEBP", save_all=True, append_images=frames),
        "animated PNG": file_of(photo, "PNG", save_all=True, append_images=frames),
        "PNG with EXIF": file_of(photo, "PNG", exif=exif),
        "WebP with EXIF": file_of(photo, "WEBP", exif=exif),
        "transparent WebP": file_of(noise(1, 16, "RGBA"), "WEBP"),
        "grey with 16 bits": file_of(Image.fromarray(levels_16())),
        "bilevel TIFF": file_of(photo.convert("1"), "TIFF", compression="group4"),
    }


@pytest.mark.parametrize("name", odd_files())
def test_file_that_tensorflow_reads_otherwise_becomes_png(name: str) -> None:
    content = odd_files()[name]

    readable = as_graph_reads(content)

    assert readable.startswith(b"\x89PNG")
    shown = Image.open(io.BytesIO(readable))
    assert shown.mode == "RGB"
    assert np.array_equal(np.asarray(shown), np.asarray(upright_rgb(content)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_other_files_stay_as_they_are(kind: str, mode: str) -> None:
    content = file_of(Image.open(PHOTO).convert(mode), kind)

    assert as_graph_reads(content) is content


def test_file_that_cannot_be_decoded_cannot_become_png() -> None:
    with pytest.raises(ValueError, match="truncated"):
        as_png(half(encoded(size=64)))


def decoded_by_graph(content: bytes) -> np.ndarray:
    import tensorflow as tf

    from components.transform.preprocessing import decode

    try:
        return decode(tf.constant(as_graph_reads(content))).numpy()
    except tf.errors.InvalidArgumentError:
        return decode(tf.constant(as_png(content))).numpy()


def differs(content: bytes) -> float:
    """Returns the mean difference, of 255, of a file as decoded for training and by Pillow."""

    def small(pixels: np.ndarray) -> np.ndarray:
        image = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR)
        return np.asarray(image, float)

    ours, reference = decoded_by_graph(content), np.asarray(upright_rgb(content))
    assert ours.shape == reference.shape
    return float(np.abs(small(ours) - small(reference)).mean())


@pytest.mark.parametrize("name", odd_files())
def test_training_sees_what_pillow_shows(name: str) -> None:
    assert differs(odd_files()[name]) <= 3


KINDS = ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"]
WHOLE = {kind: file_of(Image.open(PHOTO).resize((48, 32)), kind) for kind in KINDS}


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.data())
def test_whatever_is_cut_off_or_flipped_is_judged_and_then_decoded(data: st.DataObject) -> None:
    """A file is refused with a reason, or training decodes it: never an exception."""
    content = bytearray(WHOLE[data.draw(st.sampled_from(KINDS))])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = bytes(content[: data.draw(st.integers(0, len(content)))])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen = inspect(damaged, 10**6)
        assert seen.size == len(damaged)
        if not seen.problem:
            assert seen.width * seen.height <= 10**6
            assert decoded_by_graph(damaged).shape == (seen.height, seen.width, 3)


def test_no_warning_and_no_setting_is_left_behind(tmp_path: Path) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    with quiet_pillow():
        assert Image.MAX_IMAGE_PIXELS is None
    assert limit == Image.MAX_IMAGE_PIXELS
