"""Decodes WebP and TIFF files in a process of its own, with limits of time and memory.

Run as a script, never imported by what it serves: `python -I -S process.py PACKAGES SECONDS`.
PACKAGES is the folder that Pillow lies in; one photo may take SECONDS of the processor's time.
Numbers on the pipes are of 8 bytes, the highest first:

    in     most pixels (0: any), what is wanted, length, file
    out    length, facts as JSON, length, pixels
"""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

FORMATS = ("WEBP", "TIFF")

# What is said once it can be asked.
READY = b"ready"

HEADER = struct.Struct(">QQQ")
LENGTH = struct.Struct(">Q")

# What is wanted of a photo that was decoded: no pixels; those to measure, which are grey and fit
# into a square of so many; all. With 16 bits it is always all.
FACTS, GREY, PICTURE = range(3)
GREY_SIDE = 256

# What Python and Pillow may take, and how much more for each pixel: libwebp's canvases, Pillow's
# picture, the one that is converted, and what is sent.
_BASE_BYTES = 256 << 20
_BYTES_PER_PIXEL = 40

_MODE_16_BITS = "I;16"
_ORIENTATION_TAG = 0x0112

# How Pillow says that a library has no memory left.
_NO_MEMORY = ("out of memory", "decoder error -9")


@dataclass(frozen=True)
class Facts:
    """What is said of a photo, before its pixels.

    Attributes:
        problem: empty, or which one: `header`, `pixels`, `memory`, or `broken`.
        reason: in Pillow's words, of what is broken.
        format: in Pillow's words.
        original: Pillow's mode of the file.
        mode: of the pixels: `L`, `RGB` or one of 16 bits.
        channels: 1 grey, 2 grey with alpha, 3 colour, 4 colour with alpha, or CMYK.
        width: of the photo, as it was decoded; where there are too many pixels, of the header.
        height: likewise.
        sent: width and height of the pixels that follow.
        orientation: EXIF's, which the pixels do not follow yet: 1 to 8.
        animated: whether there are more pictures behind this one.
    """

    problem: str = ""
    reason: str = ""
    format: str = ""
    original: str = ""
    mode: str = ""
    channels: int = 0
    width: int = 0
    height: int = 0
    sent: tuple[int, int] = (0, 0)
    orientation: int = 1
    animated: bool = False


Decode = Callable[[bytes, int, int], tuple[Facts, bytes]]


def decode(content: bytes, most_pixels: int, wanted: int) -> tuple[Facts, bytes]:
    """Decodes a file.

    Args:
        content: of it.
        most_pixels: width times height may be this at most; 0: as many as there are.
        wanted: `FACTS`, `GREY` or `PICTURE`.

    Returns:
        What it is, and its pixels, row by row; none if there is a problem.

    Raises:
        MemoryError: if it needs more than it may have.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 (found only now)

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            pixels = image.width * image.height
            if most_pixels and pixels > most_pixels:
                return Facts("pixels", width=image.width, height=image.height), b""
            _limit_memory(len(content), pixels)
            return _decoded(image, wanted)
    except UnidentifiedImageError:
        return Facts("header"), b""
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (Pillow's readers raise whatever a file makes them)
        problem = "memory" if any(said in str(error) for said in _NO_MEMORY) else "broken"
        return Facts(problem, str(error)[:300]), b""


def serve(decode: Decode) -> None:
    """Answers until nobody asks any more.

    Args:
        decode: what is done with each file.
    """
    questions, answers = _pipes()
    seconds = int(sys.argv[2])
    # It writes no file, and leaves no picture of its memory when it crashes.
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(kind, (0, 0))
    answers.write(READY)
    answers.flush()
    while header := questions.read(HEADER.size):
        most_pixels, wanted, length = HEADER.unpack(header)
        _limit_time(seconds)
        _limit_memory(length, pixels=0)
        content = questions.read(length)
        try:
            facts, pixels = decode(content, most_pixels, wanted)
        except MemoryError:
            facts, pixels = Facts("memory"), b""
        said = json.dumps(asdict(facts)).encode()
        answers.write(LENGTH.pack(len(said)) + said + LENGTH.pack(len(pixels)))
        answers.write(pixels)
        answers.flush()


def _pipes() -> tuple[Any, Any]:
    """Takes the pipes for itself: what a library prints goes nowhere."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return questions, answers


def _limit_time(seconds: int) -> None:
    """Lets the kernel end this process when it has computed for so long, from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + seconds + 1, hard))


def _limit_memory(length: int, pixels: int) -> None:
    """Refuses more than such a photo takes, and more than half of the machine's memory."""
    wanted = _BASE_BYTES + 3 * length + _BYTES_PER_PIXEL * pixels
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (min(wanted, max(half, _BASE_BYTES)), hard))


def _decoded(image: Any, wanted: int) -> tuple[Facts, bytes]:
    original = image.mode
    channels = len(image.getbands()) if original != "P" else 3
    image.load()
    orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    known = isinstance(orientation, int) and 1 <= orientation <= 8
    sent = _sent(image, wanted)
    facts = Facts(
        format=image.format,
        original=original,
        mode=sent.mode,
        channels=channels,
        width=image.width,
        height=image.height,
        sent=sent.size,
        orientation=orientation if known else 1,
        animated=bool(getattr(image, "is_animated", False)),
    )
    return facts, sent.tobytes()


def _sent(image: Any, wanted: int) -> Any:
    from PIL import Image  # noqa: PLC0415 (as above)

    if wanted == FACTS:
        return Image.new("L", (0, 0))
    # What has 16 bits is scaled by who asked: that needs numpy.
    if image.mode.startswith(_MODE_16_BITS):
        return image
    shown = image if image.mode in {"L", "RGB"} else image.convert("RGB")
    if wanted == GREY:
        shown = shown.convert("L")
        shown.thumbnail((GREY_SIDE, GREY_SIDE), Image.Resampling.BOX)
    return shown


def main() -> None:
    """Loads Pillow, and answers."""
    sys.path.append(sys.argv[1])
    from PIL import Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401, PLC0415 (found only now)

    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # Who asks says how many.
    serve(decode)


if __name__ == "__main__":
    main()
