"""Tests of opening a store: what is wrong with one is said, and nothing is changed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_store import MadeStore
from waiting import wait_for_tick

from pipelines.folders import OutputFolders
from review.history import History
from review.store import mysql_connection, opened
from schemas.errors import ConfigError, PipelineError


@pytest.fixture
def output(tmp_path: Path) -> OutputFolders:
    """An output folder with one run."""
    made = MadeStore(tmp_path)
    made.execution("one", "Trainer")
    return made.output


def runs(output: OutputFolders) -> list[str]:
    with opened(output) as store:
        return [head.name for head in History(store, output.root).runs()]


def said(output: OutputFolders) -> str:
    with pytest.raises(PipelineError) as refused:
        runs(output)
    return str(refused.value)


def test_folder_without_a_store_asks_for_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        runs(OutputFolders(tmp_path))

    assert str(refused.value) == (
        f"--output {tmp_path} holds no run (no metadata.sqlite); run the pipeline first, with "
        "`warmstart pipeline run`, or name the folder that it wrote to."
    )


@pytest.mark.parametrize("version", [9, 11])
def test_store_of_another_version_names_both(output: OutputFolders, version: int) -> None:
    with sqlite3.connect(output.metadata) as database:
        database.execute("UPDATE MLMDEnv SET schema_version = ?", (version,))
    database.close()

    assert said(output) == (
        f"{output.metadata} was written by ML Metadata with schema version {version}, and this "
        "one reads version 10; use the version of warmstart that wrote it, or name another folder "
        "with --output."
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: b"no database" * 400, "file is not a database"),
        (lambda content: content[:20000], "database disk image is malformed"),
        (lambda content: b"", "attempt to write a readonly database"),
    ],
    ids=["of another kind", "cut off", "empty"],
)
def test_damaged_store_is_refused(output: OutputFolders, spoil: object, reason: str) -> None:
    assert callable(spoil)
    output.metadata.write_bytes(spoil(output.metadata.read_bytes()))

    assert said(output) == (
        f"{output.metadata} cannot be read ({reason}); it is damaged or no store of ML Metadata: "
        f"`warmstart doctor --repair --output {output.metadata.parent}` puts back the copy from "
        "before the latest run."
    )


WRITER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute(f"BEGIN {sys.argv[2]}")
database.execute("UPDATE Context SET name = 'other' WHERE name = 'one'")
print("writing", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def writer(
    output: OutputFolders, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a transaction."""
    command = [sys.executable, "-c", WRITER, str(output.metadata), request.param]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


@pytest.mark.parametrize("writer", ["IMMEDIATE"], indirect=True)
def test_store_that_a_run_writes_to_is_read_as_it_was(
    output: OutputFolders, writer: subprocess.Popen[str]
) -> None:
    assert runs(output) == ["one"]


@pytest.mark.parametrize("writer", ["EXCLUSIVE"], indirect=True)
def test_store_that_stays_locked_asks_to_wait(
    output: OutputFolders, writer: subprocess.Popen[str]
) -> None:
    assert said(output) == (
        f"{output.metadata} cannot be read (database is locked); wait for the run that is writing "
        "to it, or name another folder with --output."
    )


def test_open_reader_does_not_lock_a_run_out(output: OutputFolders) -> None:
    script = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=0);"
        "d.execute(\"INSERT INTO Type (name, type_kind) VALUES ('new', 1)\"); d.commit()"
    )
    with opened(output) as store:
        History(store, output.root).runs()
        subprocess.run([sys.executable, "-c", script, str(output.metadata)], check=True)


def test_reading_changes_nothing(output: OutputFolders) -> None:
    before, written = output.metadata.read_bytes(), output.metadata.stat().st_mtime_ns
    wait_for_tick(output.root)

    runs(output)

    assert output.metadata.read_bytes() == before
    assert output.metadata.stat().st_mtime_ns == written
    assert sorted(file.name for file in output.root.iterdir()) == ["metadata.sqlite"]


def test_mysql_connection_makes_no_database() -> None:
    """Only the settings: there is no server to ask here."""
    config = mysql_connection("db.example", "metadata", port=3307, user="reader")

    assert config.mysql.host == "db.example"
    assert (config.mysql.port, config.mysql.database) == (3307, "metadata")
    assert (config.mysql.user, config.mysql.password) == ("reader", "")
    assert config.mysql.skip_db_creation


def test_reader_imports_neither_tensorflow_nor_tfx() -> None:
    script = (
        "import sys, review.choosing, review.comparison, review.lineage, review.model_runs, "
        "review.removal, review.why; print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "ml_metadata" in loaded
    assert {"tensorflow", "tfx", "keras", "apache_beam"}.isdisjoint(loaded)
