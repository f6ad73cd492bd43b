"""What became of one component in one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from review.differences import flat
from review.library import Library
from review.page.shown import Shown
from review.page.views.log import execution_of, tail_of
from review.page.views.run import run_as_data
from review.records import Artifact
from schemas import run_record


def component(library: Library, run_id: int, execution_id: int) -> Shown:
    """Shows a component of a run: why it ran, with what, and what it made.

    Args:
        library: of the store.
        run_id: in the store.
        execution_id: the same.

    Raises:
        ConfigError: if there is no such run, or it has no such execution.
    """
    entry = library.entry(run_id)
    execution = execution_of(entry.run, execution_id)
    latest = entry.run.latest[execution.node]
    why = library.why(entry.run)[execution.node] if execution is latest else None
    with library.reading() as opened:
        artifacts = opened.history.artifacts([*execution.input_ids, *execution.output_ids])
    since = library.run_ids().get(why.since) if why else None
    return Shown(
        "component.html",
        {
            "run": run_as_data(entry),
            "execution": execution,
            "why": why,
            "again": None if execution is latest else latest.id,
            "since": since,
            "error": execution.record.get(run_record.ERROR),
            "inputs": _named(execution.inputs, artifacts),
            "outputs": _named(execution.outputs, artifacts),
            "properties": flat(execution.properties),
            "log": tail_of(library, entry.run, execution),
        },
    )


def _named(
    slots: Mapping[str, tuple[int, ...]], artifacts: Mapping[int, Artifact]
) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [
            {"id": n, "type": artifacts[n].type, "state": artifacts[n].state}
            for n in numbers
            if n in artifacts
        ]
        for name, numbers in slots.items()
    }
