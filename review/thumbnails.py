"""Small pictures of photos, for a page.

A photo may come from anyone, so nothing of its file gets through: it is decoded, and its pixels
alone are encoded anew, without EXIF, comments, profiles or what may stand behind the picture.
WebP and TIFF are decoded in processes with limits (`decoding`).
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable

from PIL import Image, ImageOps

from decoding.limited import is_limited, shared_decoder

# What ImageExampleGen takes and is decoded in this process, in Pillow's words.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP")

# As by default in a run. A JPEG is decoded at a part of its size; what is not must be smaller, so
# that it takes 100 MB at most, and as much again when it is converted.
_MOST_PIXELS = 50_000_000
_MOST_DECODED = 24_000_000
_MOST_BYTES = 160_000_000

# Photos with more pixels are decoded one at a time, as memory is for all threads.
_LARGE = 4_000_000
_one_large_photo = threading.Lock()

# Passes over a progressive JPEG, each of which costs time however short it is; usual are ten.
_MOST_SCANS = 64
_START_OF_SCAN = b"\xff\xda"

_MODE_16_BITS = "I;16"
_QUALITY = 80


def thumbnail(content: bytes, size: int) -> bytes | None:
    """Makes a JPEG file that fits into a square; the shape stays, and EXIF's turn is done.

    Args:
        content: file of a photo.
        size: pixels on the longer side, at most; a smaller photo is not enlarged.

    Returns:
        The file, or None if the photo is broken, too large or of another format.
    """
    if len(content) > _MOST_BYTES:
        return None
    try:
        if is_limited(content):
            return _small(shared_decoder().decode(content, most_pixels=_MOST_DECODED).image(), size)
        return _decoded_here(content, size)
    except Exception:  # noqa: BLE001 (Pillow's readers raise whatever a file makes them)
        return None


class Thumbnails:
    """Keeps the small pictures that were asked for last, in so many bytes; for many threads."""

    def __init__(self, most_bytes: int) -> None:
        """Keeps nothing yet.

        Args:
            most_bytes: of all pictures together.
        """
        self._most = most_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        # Nothing instead of bytes: a photo that cannot be shown, which is not tried again.
        self._kept: OrderedDict[tuple[str, int], bytes | None] = OrderedDict()

    def get(self, key: str, size: int, content: Callable[[], bytes | None]) -> bytes | None:
        """Returns the small picture of a photo, or None if it cannot be shown.

        Args:
            key: by which the photo is known, such as its SHA-256.
            size: pixels on the longer side, at most.
            content: reads its file, if the picture is not kept; None: it is not there now.
        """
        place = (key, size)
        with self._lock:
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
        file = content()
        if file is None:
            return None
        made = thumbnail(file, size)
        with self._lock:
            self._forget(place)
            self._kept[place] = made
            self._bytes += _cost(place, made)
            while self._bytes > self._most:
                self._forget(next(iter(self._kept)))
        return made

    def _forget(self, place: tuple[str, int]) -> None:
        if place in self._kept:
            self._bytes -= _cost(place, self._kept.pop(place))


def _decoded_here(content: bytes, size: int) -> bytes | None:
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        if not _is_bounded(image, content):
            return None
        # A JPEG can be decoded at a half, a quarter or an eighth: twice as much as is needed is
        # enough for a smooth picture.
        image.draft(None, (2 * size, 2 * size))
        pixels = image.width * image.height
        if pixels > _MOST_DECODED:
            return None
        if pixels <= _LARGE and not image.info.get("progressive"):
            return _small(image, size)
        with _one_large_photo:
            return _small(image, size)


def _cost(place: tuple[str, int], made: bytes | None) -> int:
    """Returns bytes, with about what Python takes for an entry."""
    return len(made or b"") + len(place[0]) + 300


def _is_bounded(image: Image.Image, content: bytes) -> bool:
    """Tells by the header whether memory and time for a photo are bounded."""
    # All of a progressive JPEG is in memory, at whatever part of its size it is decoded.
    most = _MOST_DECODED if image.info.get("progressive") else _MOST_PIXELS
    scans = content.count(_START_OF_SCAN) if image.format in {"JPEG", "MPO"} else 0
    return image.width * image.height <= most and scans <= _MOST_SCANS


def _small(image: Image.Image, size: int) -> bytes:
    image.load()
    small = _eight_bits(image)
    small.thumbnail((size, size))
    upright = ImageOps.exif_transpose(small)
    # A picture that never had a file: Pillow would write the comment of the old one.
    bare = Image.new("RGB", upright.size)
    bare.paste(upright)
    stream = io.BytesIO()
    bare.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _eight_bits(image: Image.Image) -> Image.Image:
    """Returns a picture as grey or RGB, without transparency, as a run reads it."""
    if image.mode.startswith(_MODE_16_BITS):
        import numpy as np  # noqa: PLC0415 (a tenth of a second, for what is rare)

        # Pillow would cut off all above 255.
        levels = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16) // 257
        return Image.fromarray(levels.astype(np.uint8))
    return image if image.mode in {"L", "RGB"} else image.convert("RGB")
