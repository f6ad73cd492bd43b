"""What is in production, and what made it."""

from __future__ import annotations

from typing import Any

from review.library import Library
from review.page.shown import Shown
from review.page.views.run import run_as_data
from review.served import ServedVersion, versions_in_service


def production(library: Library) -> Shown:
    """Shows the versions in service, each with the run that trained it.

    Args:
        library: of the store.
    """
    ids = {head.name: head.id for head in library.heads()}
    versions = [_version(library, found, ids) for found in versions_in_service(library.output)]
    return Shown("production.html", {"versions": versions})


def _version(library: Library, found: ServedVersion, ids: dict[str, int]) -> dict[str, Any]:
    run_id = ids.get(found.run or "")
    entry = library.entry(run_id) if run_id is not None else None
    pushed = []
    if entry:
        with library.reading() as opened:
            made = opened.history.artifacts(entry.run.made_ids).values()
        pushed = [
            {"id": one.id, "type": one.type}
            for one in sorted(made, key=lambda one: one.id)
            if one.type in {"PushedModel", "Model", "ModelBlessing", "ModelEvaluation", "Examples"}
        ]
    return {"version": found, "run": run_as_data(entry) if entry else None, "artifacts": pushed}
