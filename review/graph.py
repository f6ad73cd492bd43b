"""The components of a run as a graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from review.layout import Edge, Layout, layered, reduced
from review.records import NOT_REACHED, Execution, Run


@dataclass(frozen=True)
class Node:
    """A component as it is drawn.

    Attributes:
        name: id of the component.
        state: what became of it.
        execution: of it, or None if the run never came to it.
    """

    name: str
    state: str
    execution: Execution | None

    @property
    def seconds(self) -> float | None:
        """What it took."""
        return self.execution.seconds if self.execution else None


@dataclass(frozen=True)
class Graph:
    """The components of a run, and where they are drawn.

    Attributes:
        nodes: in the order of the run.
        layout: of boxes by the component's id; arrows that others imply are left out.
    """

    nodes: tuple[Node, ...]
    layout: Layout


def graph_of(run: Run) -> Graph:
    """Returns the graph of a run."""
    nodes = [
        *(Node(name, execution.state, execution) for name, execution in run.latest.items()),
        *(Node(name, NOT_REACHED, None) for name in run.unreached),
    ]
    names = {node.name for node in nodes}
    planned = [(above, name) for name, all_above in run.unreached.items() for above in all_above]
    edges = dict.fromkeys([*_edges(run.executions), *planned])
    known = [edge for edge in edges if set(edge) <= names]
    return Graph(tuple(nodes), layered([node.name for node in nodes], reduced(known)))


def _edges(executions: Sequence[Execution]) -> Iterable[Edge]:
    """Returns which component uses what another one of the same run gives."""
    givers: dict[int, str] = {}
    for execution in executions:
        for number in execution.input_ids:
            if number in givers and givers[number] != execution.node:
                yield givers[number], execution.node
        for number in execution.output_ids:
            # A resolver hands on what it is given, and is no source of that.
            if not (execution.is_resolver and number in givers):
                givers[number] = execution.node
