"""Renders the templates of the pages."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from schemas.errors import written


def templates() -> Environment:
    """Returns what renders the templates of this package; values are escaped."""
    environment = Environment(
        loader=PackageLoader("components.pages"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["written"] = written
    environment.filters["percent"] = percent
    return environment


def percent(share: float | None, digits: int = 1) -> str:
    """Writes a share as a percentage, and what was not measured as a dash."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"
