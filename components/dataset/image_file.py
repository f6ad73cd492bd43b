"""Reads one image file with Pillow: whether it can be used, and what it looks like.

Pillow is the judge of what can be used: it answers without TensorFlow, and reads what
TensorFlow's decoders do not: `as_graph_reads` turns those files into PNG. WebP and TIFF are decoded
in processes with limits (`decoding`): TensorFlow gets to see no WebP that did not stand that.
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

from decoding.limited import (
    DamagedHeaderError,
    DecoderFailedError,
    TooManyPixelsError,
    is_limited,
    shared_decoder,
)
from decoding.process import FACTS, GREY, GREY_SIDE
from schemas.errors import WarmstartError

# Decoded in this process, in Pillow's words, and how they begin. MPO is a JPEG with further
# pictures behind it, as some cameras write.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")

# What TensorFlow's decoders read as Pillow does: formats, with the modes that Pillow gives them.
_GRAPH_READS = {
    "JPEG": {"L", "RGB"},
    "MPO": {"L", "RGB"},
    "PNG": {"1", "L", "LA", "P", "RGB", "RGBA"},
    "WEBP": {"RGB"},
}

_TIFF = (b"II", b"MM")

# Levels of 16 bits for one of 8: 65535 / 255.
_LEVELS_16 = 257

# Longest side of the picture that is measured: sharpness depends on it.
_MEASURED_SIDE = GREY_SIDE

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
        lasting: whether the problem is the file's; if not, another look may find none.
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
    lasting: bool = True


def looks_like_image(content: bytes) -> bool:
    """Tells by the first 12 bytes whether this is a JPEG, PNG, GIF, BMP, WebP or TIFF file."""
    return content.startswith(_MAGIC) or is_limited(content)


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
        MachineError: if WebP and TIFF cannot be decoded on this machine now.
    """
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    try:
        if is_limited(content):
            decoded = shared_decoder().decode(content, wanted=GREY, most_pixels=max_pixels)
            facts = decoded.facts
            shown = (facts.width, facts.height)
            return _measured(decoded.image(), facts.channels, digest, size, shown=shown)
        with _opened(content) as image:
            if image.width * image.height > max_pixels:
                raise TooManyPixelsError(f"{image.width} x {image.height} pixels")
            channels = len(image.getbands()) if image.mode != "P" else 3
            # A JPEG can be decoded without its colours, at a half, a quarter or an eighth: all of
            # it is read, and checked.
            shown = image.size
            image.draft("L", (_MEASURED_SIDE, _MEASURED_SIDE))
            image.load()
            return _measured(image, channels, digest, size, shown=shown)
    except TooManyPixelsError as error:
        return Inspection(digest, size, f"{error}, more than data.max_pixels")
    except DecoderFailedError as error:
        return Inspection(digest, size, str(error), lasting=error.lasting)
    except (_UnusableError, DamagedHeaderError) as error:
        return Inspection(digest, size, str(error))
    except (MemoryError, WarmstartError):
        raise
    except Exception as error:  # noqa: BLE001 (Pillow's readers raise whatever a file makes them)
        truncated = "truncated" in str(error)
        return Inspection(digest, size, "truncated" if truncated else "cannot be decoded")


def upright_rgb(content: bytes) -> Image.Image:
    """Decodes a file to RGB with 8 bits, turned as EXIF says, within `quiet_pillow`.

    Transparency is left out. Levels of 16 bits are scaled to 8.

    Raises:
        ValueError: if it cannot be decoded.
        MachineError: as `inspect`.
        MemoryError: as `inspect`.
    """
    if is_limited(content):
        return _upright_rgb(shared_decoder().decode(content).image())
    try:
        with _opened(content) as image:
            return _upright_rgb(image)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise whatever a file makes them.
        raise ValueError(str(error)) from error


def as_graph_reads(content: bytes) -> bytes:
    """Returns a file as TensorFlow's decoders read it like Pillow, within `quiet_pillow`.

    Which do not (TIFF, BMP, CMYK, an animation, EXIF in anything but JPEG, …)
    is told by the header; these are turned into PNG.

    Raises:
        ValueError: if it cannot be decoded.
        MachineError: as `inspect`.
    """
    return content if _graph_reads(content) else as_png(content)


def as_png(content: bytes) -> bytes:
    """Decodes a file, upright and in RGB, and encodes it without loss, within `quiet_pillow`.

    Raises:
        ValueError: if it cannot be decoded.
        MachineError: as `inspect`.
    """
    stream = io.BytesIO()
    # Fast rather than small.
    upright_rgb(content).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _graph_reads(content: bytes) -> bool:
    if is_limited(content):
        if content.startswith(_TIFF):
            return False
        facts = shared_decoder().decode(content, wanted=FACTS).facts
        known = facts.original in _GRAPH_READS["WEBP"]
        return known and not facts.animated and facts.orientation == 1
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
        return Image.open(io.BytesIO(content), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise _UnusableError("damaged header") from error


def _measured(
    image: Image.Image,
    channels: int,
    digest: str,
    size: int,
    *,
    shown: tuple[int, int],
) -> Inspection:
    """Measures a picture that is loaded, perhaps smaller than `shown`, and not turned yet."""
    import imagehash  # noqa: PLC0415 (SciPy, a tenth of a second)
    import numpy as np  # noqa: PLC0415

    width, height = shown
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


def _upright_rgb(image: Image.Image) -> Image.Image:
    return _rgb(ImageOps.exif_transpose(image))


def _rgb(image: Image.Image) -> Image.Image:
    import numpy as np  # noqa: PLC0415

    if image.mode.startswith("I;16"):
        # Pillow would cut off all above 255.
        levels = np.asarray(image).astype(np.uint16) // _LEVELS_16
        image = Image.fromarray(levels.astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")
