"""The HTML pages: each is one file that needs nothing else."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from schemas.errors import written


def templates() -> Environment:
    """Returns what renders the templates of this package; values are escaped."""
    environment = Environment(
        loader=PackageLoader("pipelines"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["written"] = written
    return environment
