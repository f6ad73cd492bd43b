"""Classifying a folder in a Beam pipeline, in this process."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from photo_files import add
from pipeline_runs import copy_sample
from rest_server import CLOSED, rest_server

from components.batch_predict.engine import predict_with_beam
from components.batch_predict.local import predict_here
from components.batch_predict.summary import Summary
from components.serving.pushed_model import PushedModel
from components.serving.source import PushedSource, ServedSource
from schemas.errors import ModelError, PipelineError

pytestmark = pytest.mark.slow

IN_MEMORY = ["--runner=FnApiRunner"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = copy_sample(tmp_path / "photos", photos_per_class=10)
    photo = next(folder.rglob("*.jpg"))
    for name in ("two\nlines, and more.jpg", "k\udcfctzchen.jpg"):
        shutil.copy(photo, folder / name)
    add(folder, "cut.jpg", photo.read_bytes()[:300])
    return folder


def rows_of(*files: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in files:
        if file.suffix == ".parquet":
            rows += pq.read_table(file).to_pylist()
        elif file.suffix == ".jsonl":
            rows += [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        else:
            with file.open(encoding="utf-8", newline="") as stream:
                rows += csv.DictReader(stream)
    return sorted(rows, key=lambda row: str(row["path"]))


def assert_equal(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert [list(row) for row in found] == [list(row) for row in expected]
    for row, other in zip(found, expected, strict=True):
        for column, value in row.items():
            if column.startswith(("confidence", "probability")) and value:
                # In another batch, sums are taken in another order.
                assert float(value) == pytest.approx(float(other[column]), abs=1e-5)
            else:
                assert value == other[column]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_table_is_that_of_the_local_engine(
    pushed_model: Path, photos: Path, tmp_path: Path, suffix: str
) -> None:
    here, there = tmp_path / f"here{suffix}", tmp_path / f"there{suffix}"
    summary = predict_here(PushedModel(pushed_model), str(photos), output=here)

    found = predict_with_beam(
        PushedSource(pushed_model), str(photos), output=str(there), shards=1, options=IN_MEMORY
    )

    assert found == summary == Summary(43, 1)
    assert_equal(rows_of(there), rows_of(here))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"photos", here.name, there.name}


def test_several_files_hold_each_photo_once(
    pushed_model: Path, photos: Path, tmp_path: Path
) -> None:
    source, output = PushedSource(pushed_model), str(tmp_path / "table.csv")

    predict_with_beam(source, str(photos), output=output, shards=3, options=IN_MEMORY)

    files = sorted(tmp_path.glob("table*"))
    assert [file.name for file in files] == [f"table-0000{n}-of-00003.csv" for n in range(3)]
    paths = [row["path"] for row in rows_of(*files)]
    assert len(paths) == len(set(paths)) == 43


def test_workers_can_ask_a_server(pushed_model: Path, photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "table.jsonl"
    with rest_server(pushed_model) as served:
        summary = predict_with_beam(
            ServedSource(served.url),
            str(photos),
            output=str(output),
            shards=1,
            options=IN_MEMORY,
        )

    assert summary == Summary(43, 1)
    assert list(rows_of(output)[0])[3:5] == ["probability[0]", "probability[1]"]


def test_model_that_is_not_there_fails_before_the_pipeline(photos: Path, tmp_path: Path) -> None:
    source = ServedSource(f"{CLOSED}/v1/models/warmstart")

    with pytest.raises(ModelError, match="no connection"):
        predict_with_beam(
            source, str(photos), output=str(tmp_path / "a.csv"), shards=1, options=IN_MEMORY
        )


def test_unknown_runner_is_told(pushed_model: Path, photos: Path, tmp_path: Path) -> None:
    options = ["--runner=NoSuchRunner"]

    with pytest.raises(PipelineError) as error:
        predict_with_beam(
            PushedSource(pushed_model),
            str(photos),
            output=str(tmp_path / "a.csv"),
            shards=1,
            options=options,
        )

    said = str(error.value)
    assert said.startswith("--engine --runner=NoSuchRunner: Beam failed (")
    assert said.endswith("); correct that, or take --engine local.")
    assert "\n" not in said
