"""Reads one image file with Pillow: whether it can be used, and what it looks like.

Pillow is the judge of what can be used: it answers without TensorFlow, and reads what
TensorFlow's decoders do not: `as_graph_reads` turns those files into PNG.
"""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

# In Pillow's words. MPO is a JPEG with further pictures behind it, as some cameras write.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")

# First bytes of those formats; RIFF is completed below for WebP.
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")

# What TensorFlow's decoders read as Pillow does: formats, with the modes that Pillow gives them.
_GRAPH_READS = {
    "JPEG": {"L", "RGB"},
    "MPO": {"L", "RGB"},
    "PNG": {"1", "L", "LA", "P", "RGB", "RGBA"},
    "WEBP": {"RGB"},
}

# Levels of 16 bits for one of 8: 65535 / 255.
_LEVELS_16 = 257

# Longest side of the picture that is measured: sharpness depends on it.
_MEASURED_SIDE = 256

# Below this standard deviation, of 0 to 1, a picture is a plain surface: its perceptual hash
# would be noise, and equal to that of every other.
_PLAIN = 0.02

# Side of the perceptual hash: its square is the number of bits.
HASH_SIDE = 16

ORIENTATION_TAG = 0x0112


@dataclass(frozen=True)
class Inspection:
    """What is known of one file.

    Attributes:
        digest: SHA-256 of its content, in hex; empty if it could not be read.
        size: in bytes.
        problem: why it cannot be used, or empty; then all below is zero or empty.
        width: in pixels, as it is shown, after EXIF's orientation.
        height: in pixels, likewise.
        channels: 1 grey, 2 grey with alpha, 3 colour, 4 colour with alpha, or CMYK.
        brightness: mean of the luma, 0 black to 1 white.
        contrast: standard deviation of the luma (RMS contrast; Peli 1990, "Contrast in complex
            images", JOSA A 7(10)), 0 to 0.5.
        sharpness: variance of the Laplacian of the luma (Pech-Pacheco et al. 2000, "Diatom
            autofocusing in brightfield microscopy", ICPR), at 256 pixels on the longer side.
        perceptual_hash: 256 bits in hex, or empty for a plain surface.
    """

    digest: str
    size: int
    problem: str = ""
    width: int = 0
    height: int = 0
    channels: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    sharpness: float = 0.0
    perceptual_hash: str = ""


def looks_like_image(content: bytes) -> bool:
    """Tells by the first 12 bytes whether this is a file of one of `FORMATS`."""
    return content.startswith(_MAGIC) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keeps Pillow from warning of every odd header; not to be entered by several threads."""
    limit = Image.MAX_IMAGE_PIXELS
    # Pillow's own limit is checked by us, from the header, and is a setting.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def inspect(content: bytes, max_pixels: int) -> Inspection:
    """Looks at the content of one file, within `quiet_pillow`.

    Args:
        content: of the file.
        max_pixels: width times height may be this at most; a larger one is not decoded.

    Raises:
        MemoryError: if there is not enough for it.
    """
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    try:
        with _opened(content) as image:
            width, height = image.size
            if width * height > max_pixels:
                problem = f"{width} x {height} pixels, more than data.max_pixels"
                return Inspection(digest, size, problem)
            return _measured(image, digest, size)
    except _UnusableError as error:
        return Inspection(digest, size, str(error))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (Pillow's readers raise whatever a file makes them)
        truncated = "truncated" in str(error)
        return Inspection(digest, size, "truncated" if truncated else "cannot be decoded")


def upright_rgb(content: bytes) -> Image.Image:
    """Decodes a file to RGB with 8 bits, turned as EXIF says, within `quiet_pillow`.

    Transparency is left out. Levels of 16 bits are scaled to 8.

    Raises:
        ValueError: if it cannot be decoded.
    """
    try:
        with _opened(content) as image:
            return _rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow's readers raise whatever a file makes them.
        raise ValueError(str(error)) from error


def as_graph_reads(content: bytes) -> bytes:
    """Returns a file as TensorFlow's decoders read it like Pillow, within `quiet_pillow`.

    Which do not (TIFF, BMP, CMYK, an animation, EXIF in anything but JPEG, …)
    is told by the header; these are turned into PNG.

    Raises:
        ValueError: if it cannot be decoded.
    """
    return content if _graph_reads(content) else as_png(content)


def as_png(content: bytes) -> bytes:
    """Decodes a file, upright and in RGB, and encodes it without loss, within `quiet_pillow`.

    Raises:
        ValueError: if it cannot be decoded.
    """
    stream = io.BytesIO()
    # Fast rather than small.
    upright_rgb(content).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _graph_reads(content: bytes) -> bool:
    try:
        with _opened(content) as image:
            jpeg = image.format in {"JPEG", "MPO"}
            known = image.mode in _GRAPH_READS.get(image.format or "", ())
            still = jpeg or not getattr(image, "is_animated", False)
            upright = jpeg or _orientation(image) == 1
            # Bits per sample, of the IHDR chunk.
            deep = image.format == "PNG" and content[24] == 16
            return known and still and upright and not deep
    except Exception:  # noqa: BLE001 (Pillow's readers raise whatever a file makes them)
        return False


class _UnusableError(Exception):
    """Why a file cannot be used."""


def _opened(content: bytes) -> Image.Image:
    if not content:
        raise _UnusableError("empty")
    if not looks_like_image(content):
        raise _UnusableError("not a JPEG, PNG, GIF, BMP, WebP or TIFF file")
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise _UnusableError("damaged header") from error


def _measured(image: Image.Image, digest: str, size: int) -> Inspection:
    import imagehash  # noqa: PLC0415 (SciPy, a tenth of a second)
    import numpy as np  # noqa: PLC0415

    width, height = image.size
    channels = len(image.getbands()) if image.mode != "P" else 3
    # A JPEG can be decoded without its colours, at a half, a quarter or an eighth: all of it is
    # read, and checked.
    image.draft("L", (_MEASURED_SIDE, _MEASURED_SIDE))
    image.load()
    if image.format == "TIFF":  # Pillow turns these itself, when they are loaded.
        width, height = image.size
    orientation = _orientation(image)
    grey = image if image.mode == "L" else _rgb(image).convert("L")
    grey.thumbnail((_MEASURED_SIDE, _MEASURED_SIDE), Image.Resampling.BOX)
    grey = ImageOps.exif_transpose(grey)
    if orientation > 4:
        width, height = height, width
    luma = np.asarray(grey, np.float32)
    # Of 256 levels: a few sums instead of passes over all pixels.
    levels, counts = np.arange(256), np.array(grey.histogram())
    brightness = float(counts @ levels / counts.sum())
    contrast = math.sqrt(counts @ (levels - brightness) ** 2 / counts.sum())
    return Inspection(
        digest,
        size,
        width=width,
        height=height,
        channels=channels,
        brightness=brightness / 255,
        contrast=contrast / 255,
        sharpness=_sharpness(luma) / 255**2,
        # ImageHash's own way to text takes as long as half of the hash.
        perceptual_hash=""
        if contrast < _PLAIN * 255
        else np.packbits(imagehash.phash(grey, HASH_SIDE).hash).tobytes().hex(),
    )


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _sharpness(luma: Any) -> float:
    """Returns the variance of the Laplacian: differences to the four neighbours, summed."""
    if min(luma.shape) < 3:
        return 0.0
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1]
    laplacian += luma[1:-1, :-2]
    laplacian += luma[1:-1, 2:]
    laplacian -= 4 * luma[1:-1, 1:-1]
    return float(laplacian.var())


def _rgb(image: Image.Image) -> Image.Image:
    import numpy as np  # noqa: PLC0415

    if image.mode.startswith("I;16"):
        # Pillow would cut off all above 255.
        levels = np.asarray(image).astype(np.uint16) // _LEVELS_16
        image = Image.fromarray(levels.astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")
