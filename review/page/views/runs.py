"""The list of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from review.library import Entry, Library
from review.page.charts import line_chart
from review.page.shown import Shown, page_number
from review.records import SUCCEEDED
from review.served import served_version

_ON_A_PAGE = 50

# Of the runs in the chart: more points than that are no longer told apart.
_MOST_POINTS = 100

_ACCURACY = "accuracy"

_MODELS = {
    "blessed": lambda entry: entry.results.blessed is True,
    "not blessed": lambda entry: entry.results.blessed is False,
    "pushed": lambda entry: entry.results.pushed_to is not None,
}


def runs(library: Library, query: Mapping[str, str]) -> Shown:
    """Shows the runs that are asked for, the newest first.

    Args:
        library: of the store.
        query: `q`, a part of a run's name or its data; `state`; `model`, one of `blessed`,
            `not blessed`, `pushed`; `page`, from 1.
    """
    heads = library.heads()
    asked = {name: query.get(name, "") for name in ("q", "state", "model")}
    number = page_number(query)
    if any(asked.values()):
        found = [entry for entry in library.entries(heads) if _is_asked_for(entry, asked)]
        count = len(found)
        charted = found[:_MOST_POINTS]
        found = found[(number - 1) * _ON_A_PAGE : number * _ON_A_PAGE]
    else:
        count = len(heads)
        found = library.entries(heads[(number - 1) * _ON_A_PAGE : number * _ON_A_PAGE])
        charted = found
    served = served_version(library.output)
    return Shown(
        "runs.html",
        {
            "runs": [{"id": entry.run.head.id, **_row(entry)} for entry in found],
            "count": count,
            "all": len(heads),
            "asked": asked,
            "page": number,
            "pages": max(1, -(-count // _ON_A_PAGE)),
            "served": served,
        },
        {"chart": _chart(charted), "charted": charted[::-1]},
    )


def _row(entry: Entry) -> dict[str, Any]:
    run, results = entry.run, entry.results
    accuracy = (results.metrics or {}).get(_ACCURACY)
    return {
        "name": run.name,
        "started": run.head.started,
        "state": run.state,
        "seconds": run.seconds,
        "executed": run.count("executed"),
        "cached": run.count("cached"),
        "accuracy": accuracy,
        "photos": results.photos,
        "blessed": results.blessed,
        "pushed": results.pushed_to is not None,
        "pushed_is_there": results.is_there,
        "reasons": results.reasons,
    }


def _is_asked_for(entry: Entry, asked: Mapping[str, str]) -> bool:
    run = entry.run
    text = asked["q"].lower()
    if text and not any(text in str(v).lower() for v in (run.name, *run.head.record.values())):
        return False
    if asked["state"] and run.state != asked["state"]:
        return False
    return not asked["model"] or _MODELS.get(asked["model"], lambda _: False)(entry)


def _chart(entries: Sequence[Entry]) -> Any:
    """Draws the accuracy of runs from the oldest to the newest, where there are two or more."""
    metrics = [
        (entry.results.metrics or {}).get(_ACCURACY) if entry.run.state == SUCCEEDED else None
        for entry in reversed(entries)
    ]
    if sum(metric is not None for metric in metrics) < 2:
        return None
    return line_chart(
        {_ACCURACY: [metric.value if metric else None for metric in metrics]},
        {_ACCURACY: [metric.interval if metric else None for metric in metrics]},
        most=1.0,
    )
