"""Tests of small pictures: what they show, and that nothing of a file gets through."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from review.thumbnails import Thumbnails, thumbnail

EVIL = b"<script>alert(1)</script>"


def photo(width: int = 400, height: int = 200) -> Image.Image:
    """The left half is red, the right half blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = pixels[:, width // 2 :, 2] = 255
    return Image.fromarray(pixels)


def stored(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def decoded(content: bytes | None) -> Image.Image:
    assert content is not None
    image = Image.open(io.BytesIO(content))
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


def near(pixel: Any, red: int, green: int, blue: int) -> bool:
    return bool(np.abs(np.subtract(pixel, (red, green, blue))).max() < 20)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("WEBP", "RGB"),
        ("TIFF", "RGB"),
    ],
)
def test_each_format_is_shown_in_its_shape_and_colours(kind: str, mode: str) -> None:
    small = decoded(thumbnail(stored(photo().convert(mode), kind), 100))

    assert small.size == (100, 50)
    assert near(small.getpixel((10, 25)), 255, 0, 0)
    assert near(small.getpixel((90, 25)), 0, 0, 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photo_that_lies_on_its_side_is_turned(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    small = decoded(thumbnail(stored(photo(), kind, exif=exif), 100))

    assert small.size == (50, 100)
    assert near(small.getpixel((25, 10)), 255, 0, 0)
    assert len(small.getexif()) == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_levels_of_16_bits_are_not_cut_off(kind: str) -> None:
    levels = np.full((50, 100), 32768, np.uint16)

    small = decoded(thumbnail(stored(Image.fromarray(levels), kind), 100))

    assert near(small.getpixel((50, 25)), 127, 127, 127)


def test_small_photo_is_not_enlarged() -> None:
    assert decoded(thumbnail(stored(photo(40, 20), "PNG"), 100)).size == (40, 20)


def test_nothing_of_a_file_but_its_pixels_gets_through() -> None:
    exif = Image.Exif()
    exif[0x010E] = EVIL.decode()
    file = stored(photo(), "JPEG", exif=exif, comment=EVIL, icc_profile=EVIL) + EVIL
    assert file.count(EVIL) == 4

    small = thumbnail(file, 100)

    assert small is not None
    assert EVIL not in small
    assert set(decoded(small).info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a photo",
        EVIL,
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        stored(photo(), "JPEG")[:400],
        stored(photo(), "PNG")[:-60],
        stored(photo(), "PPM"),
        stored(photo(), "PDF"),
    ],
)
def test_what_is_no_photo_of_a_run_is_none(content: bytes) -> None:
    assert thumbnail(content, 100) is None


def test_photo_with_more_pixels_than_a_run_takes_is_not_decoded() -> None:
    assert thumbnail(_png_that_says(60_000, 60_000), 100) is None
    assert thumbnail(_png_that_says(6_000, 6_000), 100) is None


def test_progressive_photo_with_too_many_passes_is_not_decoded() -> None:
    file = stored(photo(), "JPEG", progressive=True)
    assert thumbnail(file, 100) is not None

    start = file.rindex(b"\xff\xda")
    again = file[:start] + file[start:-2] * 100 + file[-2:]
    assert thumbnail(again, 100) is None


def test_picture_is_made_once_and_the_least_used_one_is_forgotten() -> None:
    asked: list[str] = []
    file = stored(photo(), "JPEG")

    def content(key: str) -> bytes | None:
        asked.append(key)
        return {"gone": None, "broken": b"?"}.get(key, file)

    size = len(thumbnail(file, 64) or b"")
    kept = Thumbnails(most_bytes=4 * size + 1500)
    for key in ("a", "b", "a", "broken", "broken", "gone", "gone", "c", "b", "a"):
        found = kept.get(key, 64, lambda key=key: content(key))  # type: ignore[misc]
        assert (found is None) == (key in {"broken", "gone"})

    assert asked == ["a", "b", "broken", "gone", "gone", "c"]
    for number in range(5):
        kept.get(str(number), 64, lambda: file)
    kept.get("a", 64, lambda: content("a"))
    assert asked == ["a", "b", "broken", "gone", "gone", "c", "a"]


def test_same_photo_in_two_sizes_is_two_pictures() -> None:
    file = stored(photo(), "JPEG")
    kept = Thumbnails(most_bytes=1_000_000)
    key = hashlib.sha256(file).hexdigest()

    assert decoded(kept.get(key, 64, lambda: file)).size == (64, 32)
    assert decoded(kept.get(key, 32, lambda: file)).size == (32, 16)


def _png_that_says(width: int, height: int) -> bytes:
    """Returns a file of some hundred bytes that would be decoded to zeros."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
