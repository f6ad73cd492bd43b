"""A run as one HTML file that can be sent: it needs no server, loads nothing and runs no script."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from review.library import Library
from review.page.rendering import render, style
from review.page.views.component import component
from review.page.views.report import page_of
from review.page.views.run import run
from schemas.errors import ConfigError


def run_as_one_file(library: Library, run_id: int) -> bytes:
    """Returns what the page shows of a run as HTML in UTF-8: result, graph, components, the report.

    Args:
        library: of the store.
        run_id: in the store.

    Raises:
        ConfigError: if there is no such run.
    """
    shown = run(library, run_id)
    components = shown.data["components"]
    return render(
        "one_file.html",
        {
            **shown.data,
            **shown.drawn,
            "details": [_details(library, run_id, row) for row in components],
            "hrefs": {row["node"]: f"#c{number}" for number, row in enumerate(components, 1)},
            "report": _report(library, run_id),
            "style": style(),
        },
    )


def _details(library: Library, run_id: int, row: dict[str, Any]) -> dict[str, Any]:
    if row["execution"] is None:
        return {"row": row, "component": None}
    shown = component(library, run_id, row["execution"]).data
    return {"row": row, "component": {**shown, "why": asdict(shown["why"])}}


def _report(library: Library, run_id: int) -> str | None:
    try:
        return page_of(library, run_id)
    except ConfigError:
        return None  # A run that failed has none.
