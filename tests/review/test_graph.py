"""Tests of what a run's graph leads from and to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from made_store import CACHED, FAILED, MadeStore
from pipeline_runs import PipelineRuns
from placed_artifacts import opened_at_first

from review.graph import Graph, graph_of
from review.history import History
from review.records import NOT_REACHED, Execution, Run, RunHead
from review.store import opened

NOW = datetime.now(UTC)
RESOLVER = "tfx.dsl.components.common.resolver.Resolver"


def execution(
    node: str, inputs: tuple[int, ...], outputs: tuple[int, ...], component: str = "c.C"
) -> Execution:
    return Execution(
        id=len(node) + sum(outputs),
        node=node,
        component=component,
        run="r",
        pipeline="p",
        cache_key=None,
        state="executed",
        started=NOW,
        seconds=1.5,
        inputs={"in": inputs},
        outputs={"out": outputs},
        properties={},
    )


def arrows(graph: Graph) -> set[tuple[str, str]]:
    return set(graph.layout.curves)


def test_arrows_lead_from_who_makes_to_who_uses() -> None:
    run = Run(
        RunHead(1, "r", NOW),
        (execution("Gen", (), (1,)), execution("Train", (1,), (2,)), execution("Push", (2,), ())),
    )

    graph = graph_of(run)

    assert arrows(graph) == {("Gen", "Train"), ("Train", "Push")}
    assert [(node.name, node.state, node.seconds) for node in graph.nodes] == [
        ("Gen", "executed", 1.5),
        ("Train", "executed", 1.5),
        ("Push", "executed", 1.5),
    ]


def test_arrow_that_others_imply_is_left_out() -> None:
    run = Run(
        RunHead(1, "r", NOW),
        (execution("A", (), (1,)), execution("B", (1,), (2,)), execution("C", (1, 2), (3,))),
    )

    assert arrows(graph_of(run)) == {("A", "B"), ("B", "C")}


def test_resolver_is_no_source_of_what_the_run_made() -> None:
    run = Run(
        RunHead(1, "r", NOW),
        (
            execution("Train", (), (1,)),
            execution("Latest", (), (1, 9), RESOLVER),
            execution("Eval", (1, 9), (2,)),
        ),
    )

    assert arrows(graph_of(run)) == {("Train", "Eval"), ("Latest", "Eval")}


def test_component_that_ran_twice_is_one_box_with_its_last_state() -> None:
    first, second = execution("A", (), (1,)), execution("A", (1,), (2,))
    run = Run(RunHead(1, "r", NOW), (first, second))

    graph = graph_of(run)

    assert [node.execution for node in graph.nodes] == [second]
    assert arrows(graph) == set()


def test_run_without_components_is_an_empty_graph() -> None:
    graph = graph_of(Run(RunHead(1, "r", NOW), ()))

    assert (graph.nodes, graph.layout.boxes) == ((), {})


def test_states_of_a_store_are_those_of_the_boxes(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    (number,) = made.execution(
        "one", "Gen", state=CACHED, outputs={"a": made.artifact("Examples", "a", {})}
    )
    made.execution("one", "Train", inputs={"a": number}, state=FAILED)
    with opened(made.output) as store:
        history = History(store, tmp_path)
        (run,) = history.read(history.runs())

    graph = graph_of(run)

    assert {node.name: node.state for node in graph.nodes} == {"Gen": "cached", "Train": "failed"}
    assert arrows(graph) == {("Gen", "Train")}
    assert all(node.state != NOT_REACHED for node in graph.nodes)


def test_real_run_leads_from_its_photos_to_the_pushed_model(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with opened_at_first(first_run[0]) as (_, run):
        graph = graph_of(run)

    boxes = graph.layout.boxes
    assert {node.name for node in graph.nodes} == set(boxes) == set(first_run[1])
    assert ("ImageExampleGen", "StatisticsGen") in arrows(graph)
    assert boxes["ImageExampleGen"][1] == 0
    assert boxes["Pusher"][1] == max(top for _, top in boxes.values())
