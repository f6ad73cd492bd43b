"""Tests of finding photos that show the same picture."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from photo_files import file_of, noise
from PIL import Image

import samples
from components.dataset.duplicates import NEAR_BITS, duplicate_groups
from components.dataset.image_file import inspect

PHOTOS = sorted(samples.PHOTOS_FOLDER.glob("*/*.jpg"))


def hash_of(image: Image.Image, kind: str = "PNG", **options: int) -> str:
    return inspect(file_of(image.convert("RGB"), kind, **options), 10**8).perceptual_hash


def cropped(image: Image.Image, share: float) -> Image.Image:
    w, h = image.size
    return image.crop((round(w * share), round(h * share), w, h))


COPIES = {
    "half the size": lambda p: hash_of(p.resize((p.width // 2, p.height // 2))),
    "twice the size": lambda p: hash_of(p.resize((p.width * 2, p.height * 2))),
    "JPEG of quality 30": lambda p: hash_of(p, "JPEG", quality=30),
    "WebP": lambda p: hash_of(p, "WEBP", quality=50),
    "cropped by 2 %": lambda p: hash_of(cropped(p, 0.02)),
    "a little brighter": lambda p: hash_of(p.point(lambda level: min(255, level * 1.1))),
}


@pytest.mark.parametrize("change", COPIES)
def test_changed_copies_are_grouped_with_their_photo(change: str) -> None:
    photos = [Image.open(path).convert("RGB") for path in PHOTOS[::4]]
    hashes = [hash_of(photo) for photo in photos] + [COPIES[change](photo) for photo in photos]
    digests = [str(number) for number in range(len(hashes))]

    groups = duplicate_groups(digests, hashes, near=True)

    found = [groups.group[n] == groups.group[n + len(photos)] for n in range(len(photos))]
    assert sum(found) >= 0.95 * len(photos)
    assert len(set(groups.group)) >= len(photos)  # No two photos were joined.


def test_different_photos_are_never_grouped() -> None:
    hashes = [hash_of(Image.open(path)) for path in PHOTOS]

    groups = duplicate_groups([str(path) for path in PHOTOS], hashes, near=True)

    assert groups.group == list(range(len(PHOTOS)))
    assert groups.alike == 0


def test_exact_groups_hold_equal_files_only() -> None:
    groups = duplicate_groups(["a", "b", "a", "c"], ["00" * 32] * 4, near=False)

    assert groups.group == [0, 1, 0, 3]


def flipped(text: str, bits: int) -> str:
    return f"{int(text, 16) ^ ((1 << bits) - 1):064x}"


@pytest.mark.parametrize(("bits", "joined"), [(NEAR_BITS, True), (NEAR_BITS + 1, False)])
def test_threshold_is_a_number_of_bits(bits: int, joined: bool) -> None:
    text = random.Random(1).randbytes(32).hex()

    groups = duplicate_groups(["a", "b"], [text, flipped(text, bits)], near=True)

    assert (groups.group == [0, 0]) is joined


def test_what_links_two_photos_joins_them() -> None:
    text = random.Random(1).randbytes(32).hex()
    middle = flipped(text, 40)
    far = f"{int(middle, 16) ^ (((1 << 40) - 1) << 100):064x}"

    assert duplicate_groups(["a", "b"], [text, far], near=True).group == [0, 1]
    assert duplicate_groups(["a", "b", "c"], [text, far, middle], near=True).group == [0, 0, 0]
    # Whichever block of photos they come in.
    others = [random.Random(n).randbytes(32).hex() for n in range(2, 600)]
    groups = duplicate_groups(
        [str(n) for n in range(601)], [text, *others[:300], far, *others[300:], middle], near=True
    )
    assert groups.group[0] == groups.group[301] == groups.group[600] == 0
    assert len(set(groups.group)) == 599


def test_plain_surfaces_are_not_alike() -> None:
    assert duplicate_groups(["a", "b"], ["", ""], near=True).group == [0, 1]


def test_series_from_a_fixed_camera_is_no_group(tmp_path: Path) -> None:
    """Parts on a belt look alike: grouped, all of them would go into one split."""
    part = noise(1, 64)
    frames = []
    for number in range(60):
        frame = part.copy()
        frame.putpixel((number, number), (255, 0, 0))
        frames.append(file_of(frame))
    seen = [inspect(content, 10**6) for content in [*frames, frames[0]]]

    groups = duplicate_groups(
        [one.digest for one in seen], [one.perceptual_hash for one in seen], near=True
    )

    assert groups.alike == 61
    assert groups.group == [*range(60), 0]


def test_many_copies_of_one_file_are_a_group() -> None:
    text = random.Random(1).randbytes(32).hex()

    assert duplicate_groups(["a"] * 50, [text] * 50, near=True).group == [0] * 50


@pytest.mark.parametrize(
    ("others", "copies", "alike"), [(5, 20, 0), (5, 21, 21), (1475, 25, 0), (1175, 25, 25)]
)
def test_more_copies_than_twenty_and_than_two_of_a_hundred_are_a_series(
    others: int, copies: int, alike: int
) -> None:
    draw = random.Random(1)
    hashes = [draw.randbytes(32).hex() for _ in range(others)] + ["00" * 32] * copies

    groups = duplicate_groups([f"{n}" for n in range(len(hashes))], hashes, near=True)

    assert groups.alike == alike
    assert groups.group[others:] == (
        list(range(others, others + copies)) if alike else [others] * copies
    )
