"""The image corpus of Pillow's own tests: crashes, bombs, truncated files, odd modes.

It is a part of Pillow's source distribution, which pip downloads from the package index.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image, ImageOps

from components.dataset.image_file import Inspection, as_graph_reads, as_png, quiet_pillow
from components.dataset.layout import LabelledFile, Layout, find_photos
from components.dataset.options import MAX_PIXELS
from components.dataset.survey import inspect_files

pytestmark = pytest.mark.slow

Corpus = tuple[Layout, list[Inspection]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """All files of the corpus in two class folders, and what is seen of each."""
    folder = tmp_path_factory.mktemp("pillow")
    requirement = f"pillow=={PIL.__version__}"
    options = ["--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", *options, requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(folder.glob("*.tar.gz"))
    if not archives:
        pytest.skip(f"pip cannot download the source of {requirement}: {fetched.stderr[-200:]}")
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            _, images, path = member.name.partition("/Tests/images/")
            content = archive.extractfile(member) if images and member.isfile() else None
            if content:
                label = "even" if zlib.crc32(path.encode()) % 2 == 0 else "odd"
                target = folder / "photos" / label / path.replace("/", "__")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    layout = find_photos(str(folder / "photos"))
    return layout, inspect_files(layout, MAX_PIXELS)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_pillow(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read(corpus: Corpus) -> Iterator[tuple[LabelledFile, Inspection, bytes]]:
    layout, seen = corpus
    for file, inspection in zip(layout.files, seen, strict=True):
        yield file, inspection, Path(layout.root, file.file.path).read_bytes()


def shown_by_pillow(content: bytes) -> np.ndarray:
    """Decodes a photo the way a script would; levels of 16 bits are scaled to 8."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(float) / 257).astype(np.uint8))
    return np.asarray(image.convert("RGB"))


def can_be_shown(content: bytes) -> bool:
    try:
        shown_by_pillow(content)
    except Exception:  # noqa: BLE001 (Pillow raises whatever a file makes it)
        return False
    return True


def test_corpus_is_large_and_most_of_it_can_be_used(corpus: Corpus) -> None:
    _, seen = corpus

    assert len(seen) >= 700
    assert sum(not one.problem for one in seen) >= 600


def test_what_is_set_aside_has_a_reason_and_pillow_cannot_show_it_either(corpus: Corpus) -> None:
    for file, seen, content in read(corpus):
        if not seen.problem or seen.problem.startswith("not a JPEG"):
            continue
        if "more than data.max_pixels" in seen.problem:
            with Image.open(io.BytesIO(content)) as image:
                assert image.width * image.height > MAX_PIXELS
            continue
        assert not can_be_shown(content), f"{file.file.path}: {seen.problem}"


def test_training_decodes_every_photo_to_what_pillow_shows(corpus: Corpus) -> None:
    import tensorflow as tf

    from components.transform.preprocessing import decode

    def small(pixels: np.ndarray) -> np.ndarray:
        resized = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR)
        return np.asarray(resized, float)

    differing: list[str] = []
    for file, seen, content in read(corpus):
        if seen.problem:
            continue
        try:
            decoded = decode(tf.constant(as_graph_reads(content))).numpy()
        except tf.errors.InvalidArgumentError:
            decoded = decode(tf.constant(as_png(content))).numpy()
        shown = shown_by_pillow(content)
        assert decoded.shape == shown.shape == (seen.height, seen.width, 3), file.file.path
        if np.abs(small(decoded) - small(shown)).mean() > 3:
            differing.append(file.file.path)
    assert differing == []
