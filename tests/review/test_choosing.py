"""Tests of which run is meant."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from made_store import MadeStore

from review.choosing import chosen_run
from review.history import History
from review.store import opened
from schemas.errors import ConfigError


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """Four runs: the first pushed a model, the second one's was blessed, the others' not."""
    made = MadeStore(tmp_path)
    for run, blessed, pushed in (
        ("20261101T1.5Z", 1, 1),
        ("20261102T2.5Z", 1, 0),
        ("20261102T3.7Z", 0, 0),
        ("20261103T4.9Z", 0, 0),
    ):
        blessing = made.artifact("ModelBlessing", f"Eval/blessing/{run}", {}, blessed=blessed)
        model = made.artifact(
            *("PushedModel", f"Pusher/pushed_model/{run}", {}),
            pushed=pushed,
            pushed_destination=str(tmp_path / "models" / "7"),
        )
        made.execution(run, "Eval", outputs={"blessing": blessing})
        made.execution(run, "Pusher", outputs={"pushed_model": model})
    return made


def chosen(made: MadeStore, text: str) -> str:
    with opened(made.output) as store:
        return chosen_run(History(store, made.output.root), text, made.output).name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("latest", "20261103T4.9Z"),
        ("latest-blessed", "20261102T2.5Z"),
        ("latest-pushed", "20261101T1.5Z"),
        ("20261102T3.7Z", "20261102T3.7Z"),
        ("20261103", "20261103T4.9Z"),
        ("3.7Z", "20261102T3.7Z"),
    ],
    ids=["latest", "blessed", "pushed", "whole", "beginning", "end"],
)
def test_run_is_found(made: MadeStore, text: str, name: str) -> None:
    assert chosen(made, text) == name


def test_whole_id_that_another_one_begins_with_is_that_run(made: MadeStore) -> None:
    made.execution("20261101T1.5Z-again", "Eval")

    assert chosen(made, "20261101T1.5Z") == "20261101T1.5Z"


@pytest.mark.parametrize("text", ["20261102", ".5Z"])
def test_part_of_several_ids_lists_them(made: MadeStore, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        chosen(made, text)

    names = {
        "20261102": "20261102T3.7Z, 20261102T2.5Z",
        ".5Z": "20261102T2.5Z, 20261101T1.5Z",
    }
    assert str(refused.value) == f"Run {text} can be {names[text]}; write more of it."


@pytest.mark.parametrize("text", ["2025", ""])
def test_unknown_run_lists_the_newest(made: MadeStore, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        chosen(made, text)

    assert str(refused.value) == (
        f"Run {text}: {made.output.root} holds no such run; the newest are 20261103T4.9Z, "
        "20261102T3.7Z, 20261102T2.5Z, 20261101T1.5Z."
    )


def test_kind_that_no_run_is_of_says_so(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.execution("one", "Eval")
    with pytest.raises(ConfigError) as refused:
        chosen(made, "latest-pushed")

    assert str(refused.value) == (
        f"latest-pushed: no run in {tmp_path} has a model that was pushed; `warmstart runs list` "
        "shows them."
    )


def test_store_without_a_run_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        chosen(MadeStore(tmp_path), "latest")

    assert str(refused.value) == (
        f"--output {tmp_path} holds no run; run the pipeline first, with `warmstart pipeline run`."
    )


def test_latest_is_what_began_last_whatever_the_clock_said(made: MadeStore) -> None:
    """The clock went back an hour before this run: its id and its times are earlier."""
    made.execution("20261101T0.5Z", "Eval")
    with closing(sqlite3.connect(made.output.metadata)) as store, store:
        store.execute(
            "UPDATE Context SET create_time_since_epoch = create_time_since_epoch - 3600000, "
            "last_update_time_since_epoch = last_update_time_since_epoch - 3600000 "
            "WHERE name = '20261101T0.5Z'"
        )

    assert chosen(made, "latest") == "20261101T0.5Z"
