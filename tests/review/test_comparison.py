"""Tests of what differs between two runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from made_store import MadeStore

from review.comparison import Comparison, Timing, compare
from review.differences import Difference
from review.history import History
from review.photos import PhotoChanges, Relabelled
from review.store import opened

PHOTOS = "path,label,split,sha256\n"


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    return MadeStore(tmp_path)


def add_run(made: MadeStore, run: str, **changed: Any) -> None:
    """Adds a run; what is changed of it differs from the others."""
    what: dict[str, Any] = {
        "configuration": "head:\n  units: 8\nname: line\n",
        "photos": PHOTOS + "ok/1,ok,train,aa\nok/2,ok,eval,bb\n",
        "schema": "feature: ok\n",
        "accuracy": 0.9,
        "seconds": 10.0,
        "data": "/photos",
        "code": "11",
        **changed,
    }
    record = {"warmstart_configuration": what["configuration"], "warmstart_data": what["data"]}
    made.context("pipeline_run", run, **record)
    made.execution(
        run,
        "Generator",
        outputs={
            "quarantine": made.artifact(
                "Quarantine", f"Generator/quarantine/{run}", {"photos.csv": what["photos"]}
            )
        },
    )
    schema = made.artifact("Schema", f"Schemas/schema/{run}", {"schema.pbtxt": what["schema"]})
    made.execution(run, "Schemas", outputs={"schema": schema})
    measured = {
        "photos": 100,
        "metrics": {"accuracy": what["accuracy"]},
        "intervals": {"accuracy": [what["accuracy"] - 0.05, what["accuracy"] + 0.05]},
        "reasons": [],
    }
    evaluation = made.artifact(
        "ModelEvaluation", f"Eval/evaluation/{run}", {"measured.json": json.dumps(measured)}
    )
    made.execution(
        run,
        "Eval",
        outputs={"evaluation": evaluation},
        warmstart_seconds=what["seconds"],
        warmstart_code=what["code"],
    )


def compared(made: MadeStore) -> Comparison:
    with opened(made.output) as store:
        history = History(store, made.output.root)
        new, old = history.read(history.runs())
        return compare(history, old, new)


def test_equal_runs_differ_in_nothing(made: MadeStore) -> None:
    add_run(made, "one")
    add_run(made, "two")

    found = compared(made)

    assert (found.old, found.new) == ("one", "two")
    assert (found.configuration, found.code, found.data) == ((), (), None)
    assert (found.photos, found.schema, found.timings) == (PhotoChanges(), (), ())
    assert [gain.difference for gain in found.metrics] == [0.0]


def test_each_difference_is_told(made: MadeStore) -> None:
    add_run(made, "one")
    add_run(
        made,
        "two",
        configuration="head:\n  units: 9\nname: line\n",
        photos=PHOTOS + "bad/1,bad,train,aa\nok/2,ok,eval,bb\n",
        schema="feature: bad\nfeature: ok\n",
        accuracy=0.95,
        seconds=20.0,
        data="/other",
        code="22",
    )

    found = compared(made)

    assert found.configuration == (Difference("head.units", 8, 9),)
    assert found.code == (Difference("code of Eval", "11", "22"),)
    assert found.data == Difference("data", "/photos", "/other")
    assert found.photos == PhotoChanges(relabelled=(Relabelled("bad/1", "ok", "bad"),))
    assert found.schema == ("+ feature: bad",)
    assert found.timings == (Timing("Eval", "executed", "executed", 10.0, 20.0),)
    (gain,) = found.metrics
    assert gain.difference == pytest.approx(0.05)
    assert gain.within_noise is True


def test_what_a_foreign_store_lacks_is_none(made: MadeStore) -> None:
    made.execution("one", "Generator")
    made.execution("two", "Generator")

    found = compared(made)

    assert (found.configuration, found.code, found.data) == (None, None, None)
    assert (found.photos, found.schema, found.metrics) == (None, None, ())


def test_files_that_are_gone_are_no_error(made: MadeStore) -> None:
    add_run(made, "one")
    add_run(made, "two")
    shutil.rmtree(made.output.artifacts)

    found = compared(made)

    assert (found.photos, found.schema, found.metrics) == (None, None, ())


@pytest.mark.parametrize(
    ("old", "new", "differs"), [(10.0, 10.9, False), (10.0, 13.0, True), (0.1, 1.0, False)]
)
def test_timing_differs_by_a_second_and_a_fifth(old: float, new: float, differs: bool) -> None:
    assert Timing("Eval", "executed", "executed", old, new).differs is differs


def test_other_state_is_another_timing() -> None:
    assert Timing("Eval", "executed", "cached", 1.0, 1.0).differs
