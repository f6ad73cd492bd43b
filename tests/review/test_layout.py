"""Tests of placing a graph: boxes are apart, arrows lead downwards, and nothing takes for ever."""

from __future__ import annotations

import itertools
import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.layout import Edge, Layout, Sizes, layered, reduced

Graph = tuple[list[str], list[Edge]]


@st.composite
def graphs(draw: st.DrawFn, *, circles: bool = False) -> Graph:
    """Returns names in some order, and arrows between them; without circles unless they may be."""
    names = [f"n{number}" for number in range(draw(st.integers(0, 14)))]
    pairs = [
        p
        for p in itertools.permutations(names, 2)
        if circles or names.index(p[0]) < names.index(p[1])
    ]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=40)) if pairs else []
    return draw(st.permutations(names)), edges


def assert_apart(layout: Layout) -> None:
    sizes = layout.sizes
    for (left, top), (other_left, other_top) in itertools.combinations(layout.boxes.values(), 2):
        apart = max(abs(left - other_left) - sizes.width, abs(top - other_top) - sizes.height)
        assert apart >= 0
    for left, top in layout.boxes.values():
        assert -0.01 <= left <= layout.width - sizes.width + 0.01
        assert 0 <= top <= layout.height - sizes.height


def reach(edges: list[Edge]) -> set[Edge]:
    """Returns what leads to what, over any number of arrows."""
    found = set(edges)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


@given(graphs())
def test_boxes_of_any_graph_are_apart_and_arrows_lead_downwards(graph: Graph) -> None:
    names, edges = graph

    layout = layered(names, edges)

    assert set(layout.boxes) == set(names)
    assert_apart(layout)
    for start, end in edges:
        assert layout.boxes[start][1] + layout.sizes.height < layout.boxes[end][1]
    assert set(layout.curves) == set(edges)


@given(graphs(circles=True))
def test_circle_is_drawn_and_does_not_hang(graph: Graph) -> None:
    names, edges = graph

    layout = layered(names, reduced(edges))

    assert set(layout.boxes) == set(names)
    assert_apart(layout)
    assert set(layout.curves) <= set(edges)


@given(graphs())
def test_reduced_graph_leads_to_the_same_places_with_no_arrow_too_many(graph: Graph) -> None:
    _, edges = graph

    kept = reduced(list(dict.fromkeys(edges)))

    assert reach(kept) == reach(edges)
    for edge in kept:
        assert edge not in reach([other for other in kept if other != edge])


def test_curve_begins_at_a_box_and_ends_at_another() -> None:
    layout = layered(["a", "b"], [("a", "b")], Sizes(width=100, height=40, across=10, down=20))

    assert layout.boxes == {"a": (0, 0), "b": (0, 60)}
    assert layout.curves == {("a", "b"): "M50 40 C50 50 50 50 50 60"}
    assert (layout.width, layout.height) == (100, 100)


def test_arrow_over_a_layer_passes_beside_its_box() -> None:
    layout = layered(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])

    left, top = layout.boxes["b"]
    numbers = re.findall(r"L(\d+) (\d+)", layout.curves["a", "c"])
    ((x, y),) = ((int(x), int(y)) for x, y in numbers)
    assert top <= y <= top + layout.sizes.height
    assert not left <= x <= left + layout.sizes.width


def test_places_do_not_depend_on_the_order_of_arrows() -> None:
    names = list("abcdef")
    edges = [("a", "c"), ("b", "c"), ("c", "d"), ("c", "e"), ("b", "f"), ("a", "f")]

    assert layered(names, edges).boxes == layered(names, edges[::-1]).boxes


@pytest.mark.parametrize(
    ("names", "edges", "boxes"),
    [
        ([], [], 0),
        (["a"], [("a", "a")], 1),
        (["a"], [("a", "gone"), ("gone", "a")], 1),
        (["a", "b"], [("a", "b"), ("a", "b")], 2),
        (["a", "b"], [("a", "b"), ("b", "a")], 2),
    ],
    ids=["nothing", "to itself", "to nothing", "twice", "to and fro"],
)
def test_odd_graphs_are_drawn(names: list[str], edges: list[Edge], boxes: int) -> None:
    layout = layered(names, edges)

    assert len(layout.boxes) == boxes
    assert_apart(layout)


def test_200_boxes_take_less_than_a_second() -> None:
    chance = random.Random(1)
    names = [f"n{number}" for number in range(200)]
    edges = [
        (names[a], names[b]) for b in range(1, 200) for a in chance.sample(range(b), min(b, 3))
    ]
    started = time.process_time()

    layout = layered(names, reduced(edges))

    assert time.process_time() - started < 1
    assert_apart(layout)
