"""What is said of a folder that was classified."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Counts of photos.

    Attributes:
        photos: in the table.
        unreadable: of these, which have an error instead of a label.
    """

    photos: int
    unreadable: int
