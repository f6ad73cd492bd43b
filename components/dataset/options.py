"""What decides which photos are used, and in which split; without what looks at them."""

from __future__ import annotations

from dataclasses import dataclass

from components.dataset.splits import HASHED

# Decoded and resized, such a photo takes some 800 MB.
MAX_PIXELS = 50_000_000
MAX_BAD_FRACTION = 0.05

NEAR = "near"
EXACT = "exact"

LEAVE_OUT = "leave_out"
KEEP = "keep"


@dataclass(frozen=True)
class SurveyOptions:
    """What decides which photos are used, and in which split.

    Attributes:
        max_pixels: a photo with more is set aside before it is decoded.
        max_bad_fraction: share of files set aside, or of photos under two labels, above which
            the data folder is refused.
        duplicates: `near` or `exact`: which photos count as the same picture.
        label_conflicts: `leave_out` or `keep`: what becomes of a picture under two labels.
        strategy: `hashed` or `stratified`; not used where the data folder gives the split.
        eval_fraction: share of the photos for evaluation.
        seed: another one gives another division.
    """

    max_pixels: int = MAX_PIXELS
    max_bad_fraction: float = MAX_BAD_FRACTION
    duplicates: str = NEAR
    label_conflicts: str = LEAVE_OUT
    strategy: str = HASHED
    eval_fraction: float = 0.2
    seed: int = 42
