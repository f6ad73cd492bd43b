"""Tests of the digest of all photos, from any files in any order."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from components.dataset.options import MAX_PIXELS
from components.image_example_gen.fingerprint import (
    FINGERPRINT_KEY,
    PhotosFingerprint,
    fingerprint_of,
)

Photos = dict[str, bytes]

# File systems that ours may lie on know no name with more than 255 bytes.
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=20)
PATHS = st.builds("{}/{}.jpg".format, st.sampled_from(["cat", "dog"]), NAMES.map("p".__add__))
PHOTOS = st.dictionaries(PATHS, st.binary(max_size=9), min_size=1, max_size=4)

# Each example writes some files, and reads them.
few = settings(max_examples=25)


def write(photos: Photos, root: Path, order: list[str], time: int | None = None) -> str:
    for path in order:
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(photos[path])
        if time is not None:
            os.utime(file, (time, time))
    return fingerprint_of(str(root), MAX_PIXELS)


def of(photos: Photos, order: list[str] | None = None, time: int | None = None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return write(photos, Path(folder), order or list(photos), time)


@few
@given(data=st.data(), photos=PHOTOS, time=st.integers(0, 2**31))
def test_neither_order_nor_place_nor_time_of_the_files_matters(
    data: st.DataObject, photos: Photos, time: int
) -> None:
    order = data.draw(st.permutations(list(photos)))

    assert of(photos, order, time) == of(photos)


@few
@given(data=st.data(), photos=PHOTOS)
def test_change_of_one_bit_is_seen_though_size_and_time_stay(
    data: st.DataObject, photos: Photos
) -> None:
    path = data.draw(st.sampled_from(sorted(photos)))
    content = bytearray(photos[path] or b"\0")
    photos = photos | {path: bytes(content)}
    with tempfile.TemporaryDirectory() as folder:
        before = write(photos, Path(folder), list(photos), time=0)
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        after = write({path: bytes(content)}, Path(folder), [path], time=0)

    assert after != before


@few
@given(data=st.data(), photos=PHOTOS, other=PATHS)
def test_new_name_or_class_of_a_photo_is_seen(
    data: st.DataObject, photos: Photos, other: str
) -> None:
    path = data.draw(st.sampled_from(sorted(photos)))
    renamed = {name: content for name, content in photos.items() if name != path}
    if other not in renamed:
        renamed[other] = photos[path]

    assert (of(renamed) == of(photos)) == (renamed == photos)


def test_look_up_on_kubeflow_finds_the_same(tmp_path: Path) -> None:
    digest = write({"cat/1.jpg": b"1"}, tmp_path, ["cat/1.jpg"])

    found = PhotosFingerprint().look_up(
        {"input_base": str(tmp_path), "max_pixels": MAX_PIXELS}, inputs={}
    )

    assert found == {FINGERPRINT_KEY: digest}
