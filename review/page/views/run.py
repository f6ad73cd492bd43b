"""One run: its components as a graph, why each ran, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from review.graph import Graph, graph_of
from review.history import History
from review.library import Entry, Library
from review.page.shown import Shown
from review.records import CACHED, Artifact, Execution, Run, RunHead
from review.served import served_version
from review.why import Why
from schemas import run_record


def run(library: Library, run_id: int) -> Shown:
    """Shows a run.

    Args:
        library: of the store.
        run_id: in the store.

    Raises:
        ConfigError: if there is no such run.
    """
    entry = library.entry(run_id)
    found = entry.run
    why = library.why(found)
    with library.reading() as opened:
        artifacts = opened.history.artifacts({n for e in found.executions for n in e.output_ids})
        saved = _saved(opened.history, found)
    graph = graph_of(found)
    served = served_version(library.output)
    ids = library.run_ids()
    longest = max((one.seconds or 0.0 for one in found.executions), default=0.0)
    components = [
        {
            "node": node.name,
            "state": node.state,
            "execution": node.execution.id if node.execution else None,
            "seconds": node.seconds,
            "share": (node.seconds or 0.0) / longest if longest else 0.0,
            "saved": saved.get(node.name),
            **_why(why.get(node.name), ids),
            "error": _error(node.execution),
            "outputs": _outputs(node.execution, artifacts),
        }
        for node in graph.nodes
    ]
    return Shown(
        "run.html",
        {
            "run": run_as_data(entry),
            "components": components,
            "saved": sum(saved.values()),
            "is_served": bool(served and served.run == found.name),
            "slowest": _slowest(components),
            "since": _most_named(components),
            "before": _before(library.heads(), run_id),
            "served": ids.get(served.run) if served and served.run else None,
        },
        {"graph": graph, "why": why, "results": entry.results, "hrefs": _hrefs(found, graph)},
    )


def run_as_data(entry: Entry) -> dict[str, Any]:
    """Returns what is said of a run on every page about it."""
    found = entry.run
    record = found.head.record
    return {
        "id": found.head.id,
        "name": found.name,
        "pipeline": found.pipeline,
        "state": found.state,
        "started": found.head.started,
        "seconds": found.seconds,
        "executed": found.count("executed"),
        "cached": found.count("cached"),
        "data": record.get(run_record.DATA),
        "version": record.get(run_record.VERSION),
        "commit": record.get(run_record.COMMIT),
        "configuration": record.get(run_record.CONFIGURATION),
        "results": {**asdict(entry.results), "is_there": entry.results.is_there},
    }


def _why(why: Why | None, ids: Mapping[str, int]) -> dict[str, Any]:
    """Returns the answer as a sentence, and its parts."""
    return {
        "why": why.sentence if why else "",
        "what": why.what if why else "",
        "since": {"name": why.since, "id": ids.get(why.since)} if why and why.since else None,
        "first_causes": [asdict(cause) for cause in why.first_causes] if why else [],
    }


def _slowest(components: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Returns the component that took longest, and its share of the time of all."""
    total = sum(one["seconds"] or 0.0 for one in components)
    longest = max(components, key=lambda one: one["seconds"] or 0.0, default=None)
    if longest is None or not total:
        return None
    return {"node": longest["node"], "share": (longest["seconds"] or 0.0) / total}


def _most_named(components: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Returns the run that most components are compared with."""
    names = [one["since"] for one in components if one["since"] and one["state"] != CACHED]
    return max(names, key=names.count, default=None)


def _before(heads: Sequence[RunHead], run_id: int) -> int | None:
    """Returns the run before a run, the one that its change is seen against."""
    return next((head.id for head in heads if head.id < run_id), None)


def _hrefs(found: Run, graph: Graph) -> dict[str, str]:
    """Returns where each box of the graph leads to."""
    return {
        node.name: f"/runs/{found.head.id}/components/{node.execution.id}"
        for node in graph.nodes
        if node.execution
    }


def _saved(history: History, found: Run) -> dict[str, float]:
    """Returns the seconds that each reused component took when it was executed."""
    cached = [one for one in found.executions if one.state == CACHED]
    makers = history.makers({number for one in cached for number in one.output_ids})
    return {
        one.node: makers[one.output_ids[0]].seconds or 0.0
        for one in cached
        if one.output_ids and one.output_ids[0] in makers
    }


def _error(execution: Execution | None) -> str | None:
    """Returns what a component raised."""
    found = execution.record.get(run_record.ERROR) if execution else None
    return None if found is None else str(found)


def _outputs(
    execution: Execution | None, artifacts: Mapping[int, Artifact]
) -> list[dict[str, Any]]:
    if execution is None or execution.is_resolver:
        return []
    return [
        {"id": number, "type": artifacts[number].type}
        for number in execution.output_ids
        if number in artifacts
    ]
