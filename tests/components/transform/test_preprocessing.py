"""Tests of decoding and resizing photos, against Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.transform import preprocessing
from components.transform.preprocessing import decode, decode_photo, decode_photos

SIZE = 48


def scene(width: int = 120, height: int = 90) -> Image.Image:
    """Returns a photo with gradients, waves and sharp edges in every channel."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 127.5 + 120 * np.sin(x / 7) * np.cos(y / 5)
    edges = np.where((x // 15 + y // 15) % 2, 230, 20)
    channels = [255 * x / max(width - 1, 1), waves, edges]
    return Image.fromarray(np.stack(channels, -1).round().astype(np.uint8))


def encoded(photo: Image.Image, kind: str, **options: Any) -> bytes:
    """Returns a photo as a file of some kind."""
    stream = io.BytesIO()
    photo.save(stream, kind, **options)
    return stream.getvalue()


def half_clear(photo: Image.Image) -> Image.Image:
    """Returns a photo of which the left half is transparent."""
    alpha = Image.new("L", photo.size, 255)
    alpha.paste(0, (0, 0, photo.width // 2, photo.height))
    return Image.merge("RGBA", (*photo.split(), alpha))


def sixteen_bits(photo: Image.Image) -> Image.Image:
    """Returns a grey photo with 65,536 levels."""
    return Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)


def by_pillow(content: bytes, size: int) -> np.ndarray[Any, Any]:
    """Returns what Pillow makes of the first frame of a photo, with its antialiased filter."""
    with Image.open(io.BytesIO(content)) as photo:
        pixels = np.asarray(photo)
        # Pillow cuts 16 bits off at 255 instead of keeping the upper 8.
        eight_bits = (
            Image.fromarray((pixels >> 8).astype(np.uint8)) if photo.mode.startswith("I") else photo
        )
        resized = eight_bits.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized).astype(int)


def by_us(content: bytes, size: int) -> np.ndarray[Any, Any]:
    """Returns what the pipeline makes of a photo, after a look at shape and type."""
    photo = decode_photo(tf.constant(content), size)
    assert photo.dtype == tf.uint8
    assert photo.shape == (size, size, 3)
    return np.asarray(photo.numpy()).astype(int)


# Formats that lose nothing: both sides resize the same pixels, and differ by rounding only.
LOSSLESS = {
    "PNG": encoded(scene(), "PNG"),
    "PNG, palette": encoded(scene().quantize(32), "PNG"),
    "PNG, transparent": encoded(half_clear(scene()), "PNG"),
    "PNG, grey": encoded(scene().convert("L"), "PNG"),
    "PNG, grey and transparent": encoded(scene().convert("LA"), "PNG"),
    "PNG, black and white": encoded(scene().convert("1"), "PNG"),
    "PNG, 16 bits": encoded(sixteen_bits(scene()), "PNG"),
    "PNG, interlaced size": encoded(scene(121, 77), "PNG"),
    "GIF": encoded(scene().quantize(64), "GIF"),
    "GIF, animated": encoded(
        scene().quantize(64), "GIF", save_all=True, append_images=[Image.new("P", (120, 90), 0)]
    ),
    "BMP": encoded(scene(), "BMP"),
    "BMP, grey": encoded(scene().convert("L"), "BMP"),
    "WebP": encoded(scene(), "WEBP", lossless=True),
    "one pixel": encoded(Image.new("RGB", (1, 1), (10, 20, 30)), "PNG"),
    "very wide": encoded(scene(3000, 3), "PNG"),
    "very high": encoded(scene(3, 3000), "PNG"),
    "already that size": encoded(scene(SIZE, SIZE), "PNG"),
}

# Decoders may round the cosine transform and the change of colour space each in their own way.
LOSSY = {
    "JPEG": encoded(scene(), "JPEG", quality=95, subsampling=0),
    "JPEG, half the colours": encoded(scene(), "JPEG", quality=95),
    "JPEG, progressive": encoded(scene(), "JPEG", quality=95, subsampling=0, progressive=True),
    "JPEG, grey": encoded(scene().convert("L"), "JPEG", quality=95),
    "JPEG, CMYK": encoded(scene().convert("CMYK"), "JPEG", quality=95),
    "WebP, lossy": encoded(scene(), "WEBP", quality=95),
}


@pytest.mark.parametrize("size", [SIZE, 160], ids=["smaller", "larger"])
@pytest.mark.parametrize("content", LOSSLESS.values(), ids=LOSSLESS)
def test_lossless_photo_is_what_pillow_makes_of_it(content: bytes, size: int) -> None:
    difference = np.abs(by_us(content, size) - by_pillow(content, size))

    # Pillow rounds after each of its two passes.
    assert difference.max() <= 1


@pytest.mark.parametrize("size", [SIZE, 160], ids=["smaller", "larger"])
@pytest.mark.parametrize("content", LOSSY.values(), ids=LOSSY)
def test_lossy_photo_is_close_to_what_pillow_makes_of_it(content: bytes, size: int) -> None:
    difference = np.abs(by_us(content, size) - by_pillow(content, size))

    # About 1 % of the range; swapped channels or an inverted CMYK are off by 100 on average.
    assert difference.mean() <= 2.5
    assert difference.max() <= 24


REFUSED = {
    "WebP, animated": encoded(scene(), "WEBP", save_all=True, append_images=[half_clear(scene())]),
    "BMP, black and white": encoded(scene().convert("1"), "BMP"),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_kind_that_tensorflow_does_not_know_is_refused_not_guessed(content: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_photo(tf.constant(content), SIZE)


def test_transparent_webp_keeps_its_colours() -> None:
    """TensorFlow's decode_image refuses it; so do decode_webp's fixed numbers of channels."""
    content = encoded(half_clear(scene()), "WEBP", lossless=True, exact=True)

    assert np.abs(by_us(content, SIZE) - by_pillow(content, SIZE)).max() <= 1


def test_photo_with_a_palette_in_bmp_keeps_its_colours() -> None:
    """TensorFlow reads the numbers of the colours as if they were levels of grey."""
    content = encoded(scene().quantize(32), "BMP")

    try:
        photo = by_us(content, SIZE)
    except tf.errors.InvalidArgumentError:
        return  # Refused is as good.
    assert np.abs(photo - by_pillow(content, SIZE)).max() <= 1


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255

    photo = by_us(encoded(Image.fromarray(stripes), "PNG"), 32)

    assert np.abs(photo[:, 1:-1] - 127.5).max() <= 1


def test_full_black_and_white_survive_the_resize() -> None:
    halves = np.zeros((10, 10, 3), np.uint8)
    halves[:, 5:] = 255

    photo = by_us(encoded(Image.fromarray(halves), "PNG"), 160)

    assert (photo.min(), photo.max()) == (0, 255)


BROKEN = {
    "nothing": b"",
    "text": b"Tom is shy.",
    "JPEG, first bytes": LOSSY["JPEG"][:20],
    "JPEG, half": LOSSY["JPEG"][: len(LOSSY["JPEG"]) // 2],
    "JPEG, without its end": LOSSY["JPEG"][:-200],
    "PNG, half": LOSSLESS["PNG"][: len(LOSSLESS["PNG"]) // 2],
    "PNG, without its end": LOSSLESS["PNG"][:-40],
    "GIF, half": LOSSLESS["GIF"][: len(LOSSLESS["GIF"]) // 2],
    "BMP, half": LOSSLESS["BMP"][: len(LOSSLESS["BMP"]) // 2],
    "WebP, half": LOSSLESS["WebP"][: len(LOSSLESS["WebP"]) // 2],
    "TIFF": encoded(scene(), "TIFF"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_photo_raises_invalid_argument(content: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_photo(tf.constant(content), SIZE)


def test_one_broken_photo_fails_its_batch() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_photos(tf.constant([LOSSLESS["PNG"], b"text"]), SIZE)


@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
def test_batch_is_the_same_as_one_by_one(in_graph: bool) -> None:
    contents = [*LOSSLESS.values(), *LOSSY.values()]
    signature = [tf.TensorSpec([None], tf.string)]

    def decode(batch: tf.Tensor) -> tf.Tensor:
        return decode_photos(batch, SIZE)

    decode = tf.function(decode, input_signature=signature) if in_graph else decode
    batch = decode(tf.constant(contents))

    assert batch.dtype == tf.uint8
    assert batch.shape == (len(contents), SIZE, SIZE, 3)
    for photo, content in zip(batch.numpy(), contents, strict=True):
        assert (photo == by_us(content, SIZE)).all()


def test_empty_batch_gives_an_empty_batch() -> None:
    assert decode_photos(tf.constant([], tf.string), SIZE).shape == (0, SIZE, SIZE, 3)


def test_photo_graph_is_built_once_for_all_graphs_that_it_is_a_part_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = 37  # Of no other test, whose graph would be there already.
    built: list[tf.Tensor] = []

    def counted(content: tf.Tensor) -> tf.Tensor:
        built.append(content)
        return decode(content)

    monkeypatch.setattr(preprocessing, "decode", counted)

    for _ in range(3):
        graph = tf.function(lambda batch: decode_photos(batch, size), autograph=False)
        assert graph(tf.constant([LOSSLESS["PNG"]])).shape == (1, size, size, 3)

    assert len(built) == 1
