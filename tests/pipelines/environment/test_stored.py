"""Tests of what `warmstart doctor` says of a store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from made_store import MadeStore

from pipelines.environment.checks import FAIL, PASS, Check
from pipelines.environment.stored import check_store
from schemas import run_record


def store_of(folder: Path, **record: str) -> Path:
    made = MadeStore(folder)
    made.context("pipeline_run", "one", **record)
    return made.output.metadata


def test_folder_without_a_store_is_good(tmp_path: Path) -> None:
    file = tmp_path / "metadata.sqlite"

    assert check_store(file) == Check(
        "Store",
        PASS,
        f"None yet at {file}; a run makes one of schema version 10, record version 1.",
    )


def test_store_names_its_versions(tmp_path: Path) -> None:
    file = store_of(tmp_path, **{run_record.RECORD: "1", run_record.VERSION: "0.1.0"})

    assert check_store(file) == Check(
        "Store",
        PASS,
        f"{file}: schema version 10, record version 1, by warmstart 0.1.0; this one writes schema "
        "version 10, record version 1.",
    )


def test_later_record_fails(tmp_path: Path) -> None:
    check = check_store(store_of(tmp_path, **{run_record.RECORD: "2", run_record.VERSION: "0.7"}))

    assert check.verdict == FAIL
    assert "holds runs that warmstart 0.7 recorded (record version 2), and " in check.text


def test_other_schema_fails(tmp_path: Path) -> None:
    file = store_of(tmp_path)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE MLMDEnv SET schema_version = 11")

    check = check_store(file)

    assert check.verdict == FAIL
    assert " with schema version 11, and this one writes version 10; " in check.text


def test_what_is_no_store_fails(tmp_path: Path) -> None:
    (tmp_path / "metadata.sqlite").write_text("nothing of the kind" * 100)

    check = check_store(tmp_path / "metadata.sqlite")

    assert check.verdict == FAIL
    assert check.text == (
        f"{tmp_path}/metadata.sqlite is damaged or no store of ML Metadata; `warmstart doctor "
        "--repair` puts back the copy from before the latest run."
    )
