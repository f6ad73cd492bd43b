"""What an address shows: for people as HTML, for programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Longer numbers than any id of a store are none.
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Shown:
    """What an address shows.

    Attributes:
        template: that writes it as HTML.
        data: records, lists and plain values: all that JSON holds.
        drawn: what only the template needs, such as where things are drawn.
    """

    template: str
    data: Mapping[str, Any]
    drawn: Mapping[str, Any] = field(default_factory=dict)


def positive(text: str) -> int | None:
    """Reads a number from 0 from an address; None if it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None


def page_number(query: Mapping[str, str]) -> int:
    """Returns the page that is asked for, from 1; what is no number is the first."""
    return max(positive(query.get("page", "")) or 1, 1)
