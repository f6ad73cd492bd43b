"""Tests of reading what a model said of the evaluation photos."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_store import MadeStore
from pipeline_runs import PipelineRuns
from placed_artifacts import opened_at_first

from review.answers import Answer, answers_of_run
from review.history import History
from review.store import opened
from schemas.features import EVAL

MEASURED = json.dumps({"confusion": {"ok": {}, "bad": {}}})
ROWS = {
    "path": ["ok/2.jpg", "bad/1.jpg"],
    "label": ["ok", "bad"],
    "probabilities": [[0.25, 0.75], [0.125, 0.875]],
}


def test_answers_of_a_run_are_those_that_evaluator_measured(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with opened_at_first(first_run[0]) as (history, run):
        found = answers_of_run(history, run)
        evaluator = run.execution_of("Evaluator")
        assert evaluator is not None
        (evaluation,) = history.artifacts(evaluator.outputs["evaluation"]).values()
        measured = history.files.read_object(evaluation, "measured.json")
        gen = run.execution_of("ImageExampleGen")
        assert gen is not None
        (quarantine,) = history.artifacts(gen.outputs["quarantine"]).values()
        table = history.files.read_table(quarantine, "photos.csv")

    assert found is not None
    assert measured is not None
    assert table is not None
    assert found.classes == ("birds", "food", "mammals", "plants")
    assert len(found.rows) == measured["photos"]
    right = sum(row.right for row in found.rows)
    assert right / len(found.rows) == pytest.approx(measured["metrics"]["accuracy"])
    for row in found.rows:
        assert row.confidence == max(row.probabilities)
        assert sum(row.probabilities) == pytest.approx(1, abs=1e-5)
    evaluated = {(r["path"], r["label"], r["sha256"]) for r in table if r["split"] == EVAL}
    assert {(row.path, row.label, row.sha256) for row in found.rows} == evaluated


def test_answers_without_recorded_photos_have_no_digests(tmp_path: Path) -> None:
    rows = _rows(tmp_path, parquet(**ROWS))

    assert rows == (
        Answer("bad/1.jpg", "bad", "bad", 0.875, (0.125, 0.875)),
        Answer("ok/2.jpg", "ok", "bad", 0.75, (0.25, 0.75)),
    )


def parquet(**columns: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1",
        os.urandom(1000),
        parquet(**ROWS)[:-20],
        parquet(**ROWS)[:200] + b"\xff" * 60 + parquet(**ROWS)[260:],
        parquet(path=["a"], label=["ok"]),
        parquet(a=[1], b=[2]),
        parquet(**ROWS | {"probabilities": [[0.5], [0.5]]}),
        parquet(**ROWS | {"probabilities": [None, [0.5, 0.5]]}),
        parquet(**ROWS | {"probabilities": [[0.5, float("nan")], [0.5, 0.5]]}),
        parquet(**ROWS | {"probabilities": [["a", "b"], ["c", "d"]]}),
        parquet(**ROWS | {"probabilities": [7, 8]}),
        parquet(**ROWS | {"path": [b"\xff", b"a"]}),
        parquet(**ROWS | {"label": [1, 2]}),
        parquet(path=["a"] * 200_001, label=["a"] * 200_001, probabilities=[[0.5]] * 200_001),
        parquet(path=["a"], label=["a"], probabilities=[[0.5] * 2_000_001]),
    ],
)
def test_table_that_is_broken_or_of_something_else_is_none(tmp_path: Path, content: bytes) -> None:
    assert _rows(tmp_path, content) is None


@pytest.mark.parametrize("measured", ["", "{}", "[]", '{"confusion": 3}', '{"confusion": {}}'])
def test_answers_whose_classes_are_not_known_are_none(tmp_path: Path, measured: str) -> None:
    assert _rows(tmp_path, parquet(**ROWS), measured) is None


def _rows(folder: Path, content: bytes, measured: str = MEASURED) -> tuple[Answer, ...] | None:
    made = MadeStore(folder)
    evaluation = made.artifact("ModelEvaluation", "evaluation", {"measured.json": measured})
    Path(evaluation.uri, "answers-00000-of-00001.parquet").write_bytes(content)
    made.execution("one", "Evaluator", outputs={"evaluation": evaluation})
    with opened(made.output) as store:
        history = History(store, folder)
        (run,) = history.read(history.runs())
        found = answers_of_run(history, run)
    return found.rows if found else None
