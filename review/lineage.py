"""What an artifact was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from review.history import History
from review.records import Artifact, Execution
from schemas.errors import ConfigError

_UP = metadata_store_pb2.LineageSubgraphQueryOptions.UPSTREAM
_DOWN = metadata_store_pb2.LineageSubgraphQueryOptions.DOWNSTREAM
_INPUT = metadata_store_pb2.Event.INPUT
_OUTPUT = metadata_store_pb2.Event.OUTPUT


@dataclass(frozen=True)
class Relative:
    """An artifact that another one was made from, or that was made from it.

    Attributes:
        artifact: itself.
        maker: the execution that made it, or None where the store has none.
        steps: components between the two.
        via: id of the next artifact on the way to the one that was asked about.
    """

    artifact: Artifact
    maker: Execution | None
    steps: int
    via: int


@dataclass(frozen=True)
class Lineage:
    """Where an artifact comes from and what became of it.

    Attributes:
        artifact: itself.
        maker: the execution that made it, or None.
        used_in: names of the runs that made or reused it, the oldest first.
        ancestors: what it was made from, the nearest first.
        descendants: what was made from it, the nearest first.
    """

    artifact: Artifact
    maker: Execution | None
    used_in: tuple[str, ...]
    ancestors: tuple[Relative, ...]
    descendants: tuple[Relative, ...]


def lineage_of(store: MetadataStore, history: History, artifact_id: int, depth: int) -> Lineage:
    """Follows an artifact in both directions.

    Args:
        store: of ML Metadata.
        history: of the same store.
        artifact_id: of the artifact.
        depth: components that are passed in each direction, at most.

    Raises:
        ConfigError: if there is no such artifact.
    """
    artifact = found_artifact(history, artifact_id)
    up = _graph(store, artifact_id, _UP, depth)
    down = _graph(store, artifact_id, _DOWN, depth)
    above = _walk(artifact_id, _parents(up), depth)
    below = _walk(artifact_id, _children(down), depth)
    ids = {artifact_id, *above, *below}
    artifacts, makers = history.artifacts(ids), history.makers(ids)

    def relatives(found: Mapping[int, tuple[int, int]]) -> tuple[Relative, ...]:
        return tuple(
            Relative(artifacts[number], makers.get(number), steps, via)
            for number, (steps, via) in found.items()
            if number in artifacts
        )

    return Lineage(
        artifact=artifact,
        maker=makers.get(artifact_id),
        used_in=_runs(history, up, artifact_id),
        ancestors=relatives(above),
        descendants=relatives(below),
    )


def found_artifact(history: History, artifact_id: int) -> Artifact:
    """Returns an artifact by its id.

    Raises:
        ConfigError: if there is none.
    """
    artifact = history.artifacts([artifact_id]).get(artifact_id)
    if artifact is None:
        raise ConfigError(
            f"Artifact {artifact_id} is not in the store; `warmstart artifacts list` shows those "
            "that are."
        )
    return artifact


def _graph(store: MetadataStore, artifact_id: int, direction: Any, depth: int) -> Any:
    options = metadata_store_pb2.LineageSubgraphQueryOptions(
        max_num_hops=2 * depth, direction=direction
    )
    options.starting_artifacts.filter_query = f"id = {artifact_id}"
    return store.get_lineage_subgraph(options, ["events"])


def _parents(graph: Any) -> dict[int, list[int]]:
    """Returns what each artifact was made from, by the first execution that has it as output."""
    makers: dict[int, int] = {}
    for event in graph.events:
        if event.type == _OUTPUT:
            first = makers.get(event.artifact_id, event.execution_id)
            makers[event.artifact_id] = min(first, event.execution_id)
    inputs = _by_execution(graph, _INPUT)
    return {artifact: inputs.get(execution, []) for artifact, execution in makers.items()}


def _children(graph: Any) -> dict[int, list[int]]:
    """Returns what was made from each artifact; what is reused counts once."""
    outputs = _by_execution(graph, _OUTPUT)
    children: dict[int, dict[int, None]] = {}
    for event in graph.events:
        if event.type == _INPUT:
            found = children.setdefault(event.artifact_id, {})
            found.update((number, None) for number in outputs.get(event.execution_id, ()))
    return {artifact: sorted(found) for artifact, found in children.items()}


def _by_execution(graph: Any, kind: Any) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for event in graph.events:
        if event.type == kind:
            found.setdefault(event.execution_id, []).append(event.artifact_id)
    return found


def _walk(
    start: int, neighbours: Mapping[int, Sequence[int]], depth: int
) -> dict[int, tuple[int, int]]:
    """Returns how many steps away each artifact is, and over which one; the nearest first."""
    found: dict[int, tuple[int, int]] = {}
    level = [start]
    for steps in range(1, depth + 1):
        reached: list[int] = []
        for via in level:
            for number in neighbours.get(via, ()):
                if number != start and number not in found:
                    found[number] = (steps, via)
                    reached.append(number)
        level = reached
    return found


def _runs(history: History, graph: Any, artifact_id: int) -> tuple[str, ...]:
    ids = {
        event.execution_id
        for event in graph.events
        if event.artifact_id == artifact_id and event.type == _OUTPUT
    }
    return tuple(dict.fromkeys(one.run for one in history.executions(ids) if one.run))
