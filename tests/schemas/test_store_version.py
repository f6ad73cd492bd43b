"""Tests of the versions that a store carries, and who may write to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from made_store import MadeStore

from schemas import run_record
from schemas.errors import PipelineError
from schemas.store_version import (
    SCHEMA_VERSION,
    StoreVersion,
    check_may_be_written,
    later_than_known,
    store_version,
)


def store_of(folder: Path, *records: str, by: str = "0.9.0") -> Path:
    """Makes a store with a run of each version of the record."""
    made = MadeStore(folder)
    for number, record in enumerate(records):
        written = {run_record.RECORD: record, run_record.VERSION: by} if record else {}
        made.context("pipeline_run", f"run {number}", **written)
    made.context("pipeline", "line")
    return made.output.metadata


def with_schema(file: Path, version: int) -> Path:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE MLMDEnv SET schema_version = ?", (version,))
    return file


def test_store_of_now_has_the_version_that_ml_metadata_writes(tmp_path: Path) -> None:
    assert store_version(store_of(tmp_path)) == StoreVersion(SCHEMA_VERSION, 0, "")


def test_latest_record_counts(tmp_path: Path) -> None:
    file = store_of(tmp_path, "1", "", "7", "nonsense", "2", by="0.3.0")

    assert store_version(file) == StoreVersion(SCHEMA_VERSION, 7, "0.3.0")


@pytest.mark.parametrize("content", [None, b"", b"no database" * 400])
def test_what_is_no_store_has_no_version(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "metadata.sqlite"
    if content is not None:
        file.write_bytes(content)

    assert store_version(file) is None
    assert later_than_known(file) is None
    check_may_be_written(file)  # Who opens it says what is wrong.


@pytest.mark.parametrize("records", [[], ["1"], ["", "1"]])
def test_store_of_now_may_be_written(tmp_path: Path, records: list[str]) -> None:
    check_may_be_written(store_of(tmp_path, *records))


def test_store_of_a_later_record_is_not_written(tmp_path: Path) -> None:
    file = store_of(tmp_path, "2", "1")

    with pytest.raises(PipelineError) as refused:
        check_may_be_written(file)

    assert str(refused.value) == (
        f"{file} holds runs that warmstart 0.9.0 recorded (record version 2), and warmstart 0.1.0 "
        "knows up to record version 1; nothing is written to it: upgrade warmstart, or name "
        "another folder with --output."
    )


@pytest.mark.parametrize("version", [9, 11])
def test_store_of_another_schema_is_not_written(tmp_path: Path, version: int) -> None:
    file = with_schema(store_of(tmp_path, "1"), version)

    with pytest.raises(PipelineError) as refused:
        check_may_be_written(file)

    assert str(refused.value) == (
        f"{file} was written by ML Metadata with schema version {version}, and this one writes "
        "version 10; use the version of warmstart that wrote it, or name another folder with "
        "--output."
    )
