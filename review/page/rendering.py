"""Renders the templates of the page; whatever a store says is text in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from review.differences import shown
from review.records import CACHED, EXECUTED, FAILED, NOT_REACHED, SUCCEEDED, UNFINISHED
from schemas.errors import written

# A sign for each state: colour alone tells nothing.
_MARKS = {
    EXECUTED: "✓",
    SUCCEEDED: "✓",
    CACHED: "↺",
    FAILED: "✗",
    UNFINISHED: "…",
    NOT_REACHED: "-",
}

_UNITS = (("B", 1), ("kB", 1000), ("MB", 1000**2), ("GB", 1000**3))


@cache
def templates() -> Environment:
    """Returns what renders the templates of this package; values are escaped."""
    environment = Environment(
        loader=PackageLoader("review.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "written": written,
        "shown": shown,
        "percent": percent,
        "duration": duration,
        "bytes": size,
        "time": time,
        "ago": ago,
        "mark": lambda state: _MARKS.get(state, "?"),
        "query": query,
    }
    return environment


def render(template: str, data: Mapping[str, Any]) -> bytes:
    """Returns a page, in UTF-8.

    Args:
        template: its name.
        data: what it shows.
    """
    page = templates().get_template(template).render(data)
    # Names of files need not be UTF-8.
    return page.encode(errors="replace")


def style() -> Markup:
    """Returns the style of the page, for pages that load nothing."""
    text = files("review.page").joinpath("static", "page.css").read_text(encoding="utf-8")
    # Our own file, and the only text that is not escaped.
    return Markup(text)  # noqa: S704


def percent(share: float | None, digits: int = 1) -> str:
    """Writes a share as a percentage, and what was not measured as a dash."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def duration(seconds: float | None) -> str:
    """Writes seconds in units that people think in."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def size(count: int | None) -> str:
    """Writes a number of bytes with a unit."""
    if count is None:
        return "-"
    unit, factor = next((u for u in reversed(_UNITS) if count >= u[1]), _UNITS[0])
    return f"{count / factor:.3g} {unit}" if factor > 1 else f"{count} B"


def time(moment: datetime) -> str:
    """Writes a time of UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Says how long ago a moment was."""
    passed = max((now or datetime.now(UTC)) - moment, timedelta())
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        count = int(passed.total_seconds() // length)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def query(values: Mapping[str, Any], **changes: Any) -> str:
    """Returns the query part of an address with some values changed; None leaves one out."""
    kept = {name: value for name, value in {**values, **changes}.items() if value not in (None, "")}
    return f"?{urlencode(kept, doseq=True)}" if kept else ""
