"""Photos as they stand in a page: small, and in the page itself."""

from __future__ import annotations

import base64
import io

from PIL import Image

# Twice what the pages show them at, for dense screens; some 5 kB.
SIZE = (256, 192)
_QUALITY = 80


def thumbnail(photo: Image.Image) -> Image.Image:
    """Returns a copy that fits into `SIZE`; the shape stays."""
    small = photo.copy()
    small.thumbnail(SIZE)
    return small


def data_url(image: Image.Image) -> str:
    """Returns an RGB image as a `data:` URL of a JPEG file."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
