"""Small photos, and data folders of them, for tests to share."""

from __future__ import annotations

import io
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

NOBODY = 65534


def noise(seed: int = 0, size: int = 8, mode: str = "RGB") -> Image.Image:
    """Returns a picture of noise; another seed gives another one."""
    content = random.Random(seed).randbytes(size * size * len(mode))
    return Image.frombytes(mode, (size, size), content)


def encoded(seed: int = 0, kind: str = "JPEG", size: int = 8) -> bytes:
    """Returns a small photo of noise; another seed gives other bytes."""
    return file_of(noise(seed, size), kind)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Returns a picture as the content of a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def add(root: Path, path: str, content: bytes | None = None) -> Path:
    """Writes a file below a folder, by default a photo that depends on the path only."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(sum(path.encode())) if content is None else content)
    return file


def add_classes(root: Path, *labels: str, photos: int = 10) -> Path:
    """Writes different photos into class folders."""
    for number, label in enumerate(labels):
        for photo in range(photos):
            add(root, f"{label}/{photo:03}.jpg", encoded(1000 * number + photo))
    return root


@contextmanager
def nobody() -> Iterator[None]:
    """Gives up root's right to read everything, for the time of a test."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def public_folder() -> Iterator[Path]:
    """Makes a folder that other users can read, which pytest's own temporary folders are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with nobody():
            readable = os.access(name, os.R_OK | os.X_OK, effective_ids=True)
        if not readable:
            pytest.skip(f"{name} cannot be opened to another user")
        yield Path(name)
        for folder, folders, _ in os.walk(name):
            for below in folders:
                Path(folder, below).chmod(0o755)
