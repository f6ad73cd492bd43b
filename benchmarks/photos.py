"""Makes data folders of any size from real photos: further ones are changed copies."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
from pathlib import Path

from PIL import Image, ImageEnhance


def sized(photos: Path, size: int, target: Path) -> Path:
    """Makes a data folder of a size: real photos first, then changed ones."""
    originals = sorted(photos.glob("*/*"), key=lambda p: hashlib.sha256(p.name.encode()).digest())
    for number in range(size):
        original = originals[number % len(originals)]
        folder = target / original.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        if number < len(originals):
            shutil.copy(original, folder)
        else:
            copy = folder / f"{original.stem}-{number}.jpg"
            copy.write_bytes(changed(original, seed=number))
    return target


def changed(photo: Path, seed: int) -> bytes:
    """Returns a photo cropped, in another brightness and recompressed, as JPEG."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    width, height = image.size
    left, top = (int(side * chance.uniform(0, 0.1)) for side in (width, height))
    image = image.crop((left, top, width - left // 2, height - top // 2))
    image = ImageEnhance.Brightness(image).enhance(chance.uniform(0.8, 1.2))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=chance.randint(70, 95))
    return buffer.getvalue()
