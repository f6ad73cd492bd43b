"""Places a directed graph in layers from top to bottom, so that arrows cross little.

K. Sugiyama, S. Tagawa and M. Toda, "Methods for Visual Understanding of Hierarchical System
Structures", IEEE Transactions on Systems, Man, and Cybernetics 11 (1981), 109-125,
https://doi.org/10.1109/TSMC.1981.4308636: layers by the longest path, places within a layer by
the mean place of the neighbours, and arrows over several layers led between the boxes.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# Passes over all layers, down and up in turns; further ones change next to nothing.
_SWEEPS = 6

# What an arrow takes of a layer that it passes, in pixels.
_LANE = 24

Edge = tuple[str, str]


@dataclass(frozen=True)
class Sizes:
    """Measures of a drawing, in pixels.

    Attributes:
        width: of a box.
        height: of a box.
        across: between two boxes of a layer.
        down: between two layers.
    """

    width: int = 168
    height: int = 46
    across: int = 20
    down: int = 34


@dataclass(frozen=True)
class Layout:
    """Where everything is, in pixels from the upper left.

    Attributes:
        width: of the whole.
        height: of the whole.
        sizes: of the boxes.
        boxes: the upper left corner of each box by its name.
        curves: of the arrows, as the path of an SVG element by start and end.
    """

    width: float
    height: float
    sizes: Sizes
    boxes: Mapping[str, tuple[float, float]]
    curves: Mapping[Edge, str]


@dataclass
class _Layers:
    """Boxes, and lanes of arrows that pass, in their order from left to right.

    Attributes:
        rows: of each layer, from the top.
        lanes: the names of those that an arrow passes, by the arrow.
        above: neighbours of each in the layer above.
        below: the same of the layer below.
    """

    rows: list[list[str]]
    lanes: dict[Edge, list[str]] = field(default_factory=dict)
    above: dict[str, list[str]] = field(default_factory=dict)
    below: dict[str, list[str]] = field(default_factory=dict)


def layered(names: Sequence[str], edges: Iterable[Edge], sizes: Sizes | None = None) -> Layout:
    """Places boxes and arrows.

    Args:
        names: of the boxes; those without arrows are in the first layer.
        edges: from and to; one that would close a circle is drawn, but places nothing.
        sizes: of the boxes.
    """
    sizes = sizes or Sizes()
    known = set(names)
    edges = [e for e in dict.fromkeys(edges) if e[0] in known and e[1] in known and e[0] != e[1]]
    rank = _ranks(names, edges)
    layers = _layers(names, edges, rank)
    _order(layers)
    centres, width = _centres(layers, known, sizes)
    step = sizes.height + sizes.down
    return Layout(
        width=width,
        height=len(layers.rows) * step - sizes.down,
        sizes=sizes,
        boxes={name: (centres[name] - sizes.width / 2, rank[name] * step) for name in names},
        curves={edge: _curve(edge, layers, rank, centres, sizes) for edge in edges},
    )


def reduced(edges: Collection[Edge]) -> list[Edge]:
    """Leaves out arrows that others imply: from a to c, where one leads from a to b and on to c."""
    targets: dict[str, set[str]] = {}
    for start, end in edges:
        targets.setdefault(start, set()).add(end)
    return [
        (start, end)
        for start, end in edges
        if not any(end in _reached(other, targets) for other in targets[start] - {end, start})
    ]


def _reached(start: str, targets: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in targets.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def _ranks(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Returns the layer of each box: below all that lead to it, as far as there is no circle."""
    rank = dict.fromkeys(names, 0)
    # With no circle, the longest path has fewer arrows than there are boxes.
    for _ in names:
        below = [(s, e) for s, e in edges if rank[e] <= rank[s] < len(names) - 1]
        if not below:
            break
        for start, end in below:
            rank[end] = max(rank[end], min(rank[start] + 1, len(names) - 1))
    used = {number: place for place, number in enumerate(sorted(set(rank.values())))}
    return {name: used[number] for name, number in rank.items()}


def _layers(names: Sequence[str], edges: Sequence[Edge], rank: Mapping[str, int]) -> _Layers:
    layers = _Layers([[] for _ in range(max(rank.values(), default=-1) + 1)])
    for name in names:
        layers.rows[rank[name]].append(name)
    for start, end in edges:
        if rank[end] <= rank[start]:
            continue  # It closes a circle.
        lane = [f"{start}\0{end}\0{row}" for row in range(rank[start] + 1, rank[end])]
        for row, name in enumerate(lane, rank[start] + 1):
            layers.rows[row].append(name)
        layers.lanes[start, end] = lane
        way = [start, *lane, end]
        for upper, lower in itertools.pairwise(way):
            layers.below.setdefault(upper, []).append(lower)
            layers.above.setdefault(lower, []).append(upper)
    return layers


def _order(layers: _Layers) -> None:
    """Brings the boxes of each layer, above and below in turns, near to their neighbours."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        rows = layers.rows if down else layers.rows[::-1]
        for fixed, row in itertools.pairwise(rows):
            row[:] = _near(row, fixed, layers.above if down else layers.below)


def _near(
    row: Sequence[str], fixed: Sequence[str], neighbours: Mapping[str, Sequence[str]]
) -> list[str]:
    place = {name: number / len(fixed) for number, name in enumerate(fixed)}
    means = {}
    for number, name in enumerate(row):
        near = [place[one] for one in neighbours.get(name, ()) if one in place]
        means[name] = sum(near) / len(near) if near else number / len(row)
    return sorted(row, key=lambda name: means[name])


def _centres(
    layers: _Layers, boxes: Collection[str], sizes: Sizes
) -> tuple[dict[str, float], float]:
    """Returns the middle of each box and lane, every layer centred, and the whole width."""
    widths = {name: sizes.width if name in boxes else _LANE for row in layers.rows for name in row}
    lengths = [
        sum(widths[name] for name in row) + sizes.across * (len(row) - 1) for row in layers.rows
    ]
    width = max(lengths, default=0)
    centres: dict[str, float] = {}
    for row, length in zip(layers.rows, lengths, strict=True):
        left = (width - length) / 2
        for name in row:
            centres[name] = left + widths[name] / 2
            left += widths[name] + sizes.across
    return centres, width


def _curve(
    edge: Edge,
    layers: _Layers,
    rank: Mapping[str, int],
    centres: Mapping[str, float],
    sizes: Sizes,
) -> str:
    start, end = edge
    step = sizes.height + sizes.down
    x, y = centres[start], rank[start] * step + sizes.height
    path = [f"M{x:.0f} {y:.0f}"]
    for name in layers.lanes.get(edge, ()):
        row = int(name.rpartition("\0")[2])
        # Straight down beside the boxes of this layer.
        path.append(_bend(y, centres[name], row * step, x))
        x, y = centres[name], row * step + sizes.height
        path.append(f"L{x:.0f} {y:.0f}")
    path.append(_bend(y, centres[end], rank[end] * step, x))
    return " ".join(path)


def _bend(from_y: float, to_x: float, to_y: float, from_x: float) -> str:
    middle = (from_y + to_y) / 2
    return f"C{from_x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y:.0f}"
