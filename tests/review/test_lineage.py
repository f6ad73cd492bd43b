"""Tests of what an artifact was made from, and what was made from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_store import CACHED, MadeStore

from review.history import History
from review.lineage import Lineage, Relative, lineage_of
from review.store import opened
from schemas.errors import ConfigError


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """Photos 1 → examples 2 → model 3 → evaluation 4; a second run reuses all but the last, 5."""
    made = MadeStore(tmp_path)
    steps = (
        ("Fetch", "Photos", None),
        ("Generator", "Examples", 1),
        ("Trainer", "Model", 2),
        ("Evaluator", "Evaluation", 3),
    )
    for node, kind, source in steps:
        inputs = {"in": source} if source else None
        made.execution(
            "one", node, inputs=inputs, outputs={"out": made.artifact(kind, f"{node}/out/1", {})}
        )
    for number, (node, _, source) in enumerate(steps[:3], start=1):
        inputs = {"in": source} if source else None
        made.execution(
            "two", node, inputs=inputs, outputs={"out": made.known(number)}, state=CACHED
        )
    again = made.artifact("Evaluation", "Evaluator/out/2", {})
    made.execution("two", "Evaluator", inputs={"in": 3}, outputs={"out": again})
    return made


def lineage(made: MadeStore, number: int, depth: int = 20) -> Lineage:
    with opened(made.output) as store:
        return lineage_of(store, History(store, made.output.root), number, depth)


def told(relatives: tuple[Relative, ...]) -> list[tuple[str, int, str, int]]:
    return [
        (
            one.artifact.type,
            one.steps,
            f"{one.maker.node} {one.maker.run}" if one.maker else "",
            one.via,
        )
        for one in relatives
    ]


def test_lineage_goes_up_and_down_across_runs(made: MadeStore) -> None:
    found = lineage(made, 2)

    assert found.artifact.type == "Examples"
    assert found.maker
    assert (found.maker.node, found.maker.run) == ("Generator", "one")
    assert found.used_in == ("one", "two")
    assert told(found.ancestors) == [("Photos", 1, "Fetch one", 2)]
    assert told(found.descendants) == [
        ("Model", 1, "Trainer one", 2),
        ("Evaluation", 2, "Evaluator one", 3),
        ("Evaluation", 2, "Evaluator two", 3),
    ]


def test_lineage_ends_at_the_depth(made: MadeStore) -> None:
    found = lineage(made, 4, depth=2)

    assert told(found.ancestors) == [
        ("Model", 1, "Trainer one", 4),
        ("Examples", 2, "Generator one", 3),
    ]


def test_first_and_last_have_one_direction_only(made: MadeStore) -> None:
    assert lineage(made, 1).ancestors == ()
    assert lineage(made, 5).descendants == ()


def test_unknown_artifact_is_said(made: MadeStore) -> None:
    with pytest.raises(ConfigError) as refused:
        lineage(made, 99)

    assert str(refused.value) == (
        "Artifact 99 is not in the store; `warmstart artifacts list` shows those that are."
    )
