"""Finds photos that show the same picture: copies, resized, recompressed or slightly cropped.

Two photos are near-duplicates if their perceptual hashes (a discrete cosine transform of the
picture at 64 x 64 pixels, by ImageHash) differ in few bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Of 256 bits. Measured on 400 photos and nine changes of 60 of them: copies that were resized or
# recompressed differ in 8 at most, those cropped by 2 % in 26, by 4 % nine of ten in 38; different
# photos in 72 at least, where chance would give 128 plus or minus 8.
NEAR_BITS = 48

# Photos of one thing from one camera, such as parts on a belt, look alike without being copies.
# More of them than this, and than this share of all, are taken for that.
_MOST_COPIES = 20
_MOST_COPIES_SHARE = 0.02

# Compared with all others at once: bounds the memory, some 11 bytes a pair.
_BLOCK = 256


@dataclass(frozen=True)
class Groups:
    """Which photos show the same picture.

    Attributes:
        group: for each photo, the number of the first one of its group.
        alike: how many photos look alike but are too many to be copies.
    """

    group: list[int]
    alike: int


def duplicate_groups(
    digests: Sequence[str], perceptual_hashes: Sequence[str], *, near: bool
) -> Groups:
    """Groups photos that show the same picture.

    Args:
        digests: of each photo's content; equal ones are always in one group.
        perceptual_hashes: of each photo, in hex, or empty.
        near: whether near-duplicates count too.
    """
    first: dict[str, int] = {}
    exact = [first.setdefault(digest, number) for number, digest in enumerate(digests)]
    if not near:
        return Groups(exact, 0)
    group = _joined_by_likeness(exact, perceptual_hashes)
    sizes = Counter(group)
    most = max(_MOST_COPIES, round(_MOST_COPIES_SHARE * len(group)))
    # Copies of one file are no sign of a series.
    different = Counter(group[number] for number in set(exact))
    series = {number for number, count in different.items() if count > most}
    alike = sum(sizes[number] for number in series)
    return Groups(
        [exact[n] if number in series else number for n, number in enumerate(group)], alike
    )


def _joined_by_likeness(exact: list[int], perceptual_hashes: Sequence[str]) -> list[int]:
    """Joins the groups of photos whose hashes differ in `NEAR_BITS` at most.

    Every pair is looked at: 20,000 photos take seconds, and no index is faster for so many bits
    of difference.

    Returns:
        For each photo the lowest number in its group.
    """
    group = np.array(exact)
    numbers = np.flatnonzero([bool(text) for text in perceptual_hashes])
    if not numbers.size:
        return exact
    raw = b"".join(map(bytes.fromhex, perceptual_hashes))
    words = np.frombuffer(raw, np.uint64).reshape(len(numbers), -1).T
    for start in range(0, len(numbers), _BLOCK):
        block, later = words[:, start : start + _BLOCK], words[:, start:]
        bits = np.zeros((block.shape[1], later.shape[1]), np.uint16)
        for of_block, of_later in zip(block, later, strict=True):
            bits += np.bitwise_count(of_block[:, None] ^ of_later[None])
        close = bits <= NEAR_BITS
        for row in np.flatnonzero(close.sum(axis=1) > 1):  # Each is close to itself.
            joined = np.unique(group[numbers[start:][close[row]]])
            if joined.size > 1:
                group[np.isin(group, joined)] = joined[0]
    return [int(number) for number in group]
