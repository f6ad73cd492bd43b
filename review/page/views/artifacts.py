"""The list of artifacts, one of them, and what it was made from and became."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from review.files import is_missing
from review.history import History
from review.layout import Layout, Sizes, layered
from review.library import Library
from review.lineage import Lineage, Relative, lineage_of
from review.naming import known_as
from review.page.gallery import Gallery
from review.page.shown import Shown, positive
from review.page.views.holds import Asked, drawn_of, held_by
from review.records import DELETED, Artifact, Execution, Run
from schemas.errors import ConfigError

_ON_A_PAGE = 100

# Of the files of one artifact.
_MOST_FILES = 200

# Components that are passed in each direction, unless asked otherwise, and at most.
_DEPTH = 3
_MOST_DEPTH = 20

# Of the artifacts in one drawing: the nearest are kept.
_MOST_DRAWN = 120


def artifacts(library: Library, query: Mapping[str, str]) -> Shown:
    """Shows artifacts, the newest first.

    Args:
        library: of the store.
        query: `type`, such as `Model`; `run`, an id: only what that run made or reused; `before`,
            an id: only those with smaller ones.
    """
    kind, before = query.get("type", ""), positive(query.get("before", ""))
    run_id = positive(query.get("run", ""))
    run = library.entry(run_id).run if run_id is not None else None
    with library.reading() as opened:
        # One more than is shown tells whether there are others.
        history = opened.history
        found = (
            _of_run(history, run, kind)
            if run
            else history.newest_artifacts(_ON_A_PAGE + 1, kind=kind, before=before)
        )
        shown = found[:_ON_A_PAGE]
        names = {one.id: known_as(history, one) for one in shown}
        makers = opened.history.makers([artifact.id for artifact in shown])
        types = opened.history.artifact_types()
    runs = library.run_ids()
    return Shown(
        "artifacts.html",
        {
            "artifacts": [
                {**_row(one, makers.get(one.id), runs), "is": names[one.id]} for one in shown
            ],
            "types": types,
            "type": kind,
            "run": {"id": run.head.id, "name": run.name} if run else None,
            "older": shown[-1].id if len(found) > len(shown) else None,
        },
    )


def artifact(library: Library, gallery: Gallery, artifact_id: int) -> Shown:
    """Shows an artifact: what it holds, who made it, and which runs use it.

    Args:
        library: of the store.
        gallery: of its photos.
        artifact_id: in the store.

    Raises:
        ConfigError: if there is none.
    """
    runs = library.run_ids()
    with library.reading() as opened:
        history = opened.history
        lineage = lineage_of(opened.store, history, artifact_id, 1)
        found = lineage.artifact
        digest = history.digests([artifact_id]).get(artifact_id)
        files = history.files.listing(found)
        is_below = history.files.holds(found)
        holds = held_by(Asked(history, found, gallery.models)) if is_below else None
        name = known_as(history, found)
    used_in = [{"name": name, "id": runs[name]} for name in lineage.used_in if name in runs]
    return Shown(
        "artifact.html",
        {
            "artifact": {**_row(found, lineage.maker, runs), "is": name},
            "properties": found.properties,
            "uri": found.uri,
            "digest": digest,
            "is_below_the_folder": is_below,
            "holds": holds,
            "run_id": used_in[0]["id"] if used_in else None,
            "files": [asdict(file) for file in files[:_MOST_FILES]],
            "file_count": len(files),
            "bytes": sum(file.size for file in files) if files else None,
            "used_in": used_in,
            "made_from": [_row(one.artifact, one.maker, runs) for one in lineage.ancestors],
            "made_into": [_row(one.artifact, one.maker, runs) for one in lineage.descendants],
        },
        drawn_of(holds),
    )


def lineage(library: Library, artifact_id: int, query: Mapping[str, str]) -> Shown:
    """Shows what an artifact was made from, and what was made from it, as a graph.

    Args:
        library: of the store.
        artifact_id: in the store.
        query: `depth`, components to pass in each direction.

    Raises:
        ConfigError: if there is no such artifact, or the depth is none.
    """
    depth = positive(query.get("depth", str(_DEPTH))) or 0
    if not 0 < depth <= _MOST_DEPTH:
        raise ConfigError(f"depth has to be a number from 1 to {_MOST_DEPTH}.")
    with library.reading() as opened:
        found = lineage_of(opened.store, opened.history, artifact_id, depth)
        shown = _nearest(found)
        drawn = [found.artifact, *(one.artifact for one in shown)]
        names = {one.id: known_as(opened.history, one) for one in drawn}
    runs = library.run_ids()
    rows = {
        str(found.artifact.id): _row(found.artifact, found.maker, runs) | {"steps": 0},
        **{
            str(one.artifact.id): _row(one.artifact, one.maker, runs)
            | {"steps": one.steps, "above": one in found.ancestors}
            for one in shown
        },
    }
    for row in rows.values():
        row["is"] = names[row["id"]]
    return Shown(
        "lineage.html",
        {
            "artifact": rows[str(artifact_id)],
            "depth": depth,
            "ancestors": _rows_of(found.ancestors, rows),
            "descendants": _rows_of(found.descendants, rows),
            "hidden": len(found.ancestors) + len(found.descendants) - len(shown),
        },
        {"layout": _layout(found, shown), "rows": rows, "deepest": _MOST_DEPTH},
    )


def _rows_of(relatives: Iterable[Relative], rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns what is shown of those relatives that are shown."""
    return [rows[number] for one in relatives if (number := str(one.artifact.id)) in rows]


def _of_run(history: History, run: Run, kind: str) -> list[Artifact]:
    found = history.artifacts(run.made_ids).values()
    chosen = [one for one in found if kind in {"", one.type}]
    return sorted(chosen, key=lambda one: one.id, reverse=True)


def _nearest(found: Lineage) -> list[Relative]:
    everyone = [*found.ancestors, *found.descendants]
    return sorted(everyone, key=lambda one: one.steps)[:_MOST_DRAWN]


def _layout(found: Lineage, shown: list[Relative]) -> Layout:
    ancestors = set(map(id, found.ancestors))
    names, edges = [str(found.artifact.id)], []
    for one in shown:
        pair = (str(one.artifact.id), str(one.via))
        names.append(pair[0])
        edges.append(pair if id(one) in ancestors else pair[::-1])
    return layered(list(dict.fromkeys(names)), edges, Sizes(width=190, height=58))


def _row(found: Artifact, maker: Execution | None, runs: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": found.id,
        "type": found.type,
        "state": found.state,
        "missing": found.state != DELETED and is_missing(found),
        "created": found.created,
        "component": maker.node if maker else None,
        "execution": maker.id if maker else None,
        "run": maker.run if maker else None,
        "run_id": runs.get(maker.run) if maker else None,
    }
