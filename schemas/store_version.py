"""Which versions a store of ML Metadata carries: asked of SQLite, so that any can be asked."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from schemas import run_record
from schemas.errors import PipelineError, printable
from schemas.sqlite_store import read_only

# Of the tables that the locked ML Metadata writes; it changes no others unless it is told to.
SCHEMA_VERSION = 10

_OF_RUNS = "SELECT string_value FROM ContextProperty WHERE name = ? ORDER BY context_id"


@dataclass(frozen=True)
class StoreVersion:
    """What a store says of itself.

    Attributes:
        schema: of ML Metadata's tables.
        record: the latest of `schemas.run_record` among its runs; 0 where none tells one.
        warmstart: the one that wrote the latest run; empty where that is not recorded.
    """

    schema: int
    record: int
    warmstart: str


def store_version(file: Path) -> StoreVersion | None:
    """Returns the versions of a store, or None if it is none, or cannot be read."""
    try:
        with read_only(file, timeout=0) as store:
            (schema,) = store.execute("SELECT schema_version FROM MLMDEnv").fetchone()
            records, writers = (
                [text for (text,) in store.execute(_OF_RUNS, (name,))]
                for name in (run_record.RECORD, run_record.VERSION)
            )
    except (sqlite3.DatabaseError, TypeError):  # A table may be empty.
        return None
    numbers = [int(text) for text in records if str(text).isdecimal()]
    return StoreVersion(int(schema), max(numbers, default=0), str(writers[-1]) if writers else "")


def later_than_known(file: Path) -> str | None:
    """Says that a store holds runs which a later warmstart recorded, or nothing."""
    found = store_version(file)
    if found is None or found.record <= run_record.RECORD_VERSION:
        return None
    return (
        f"{printable(str(file))} holds runs that warmstart {found.warmstart} recorded (record "
        f"version {found.record}), and warmstart {version('warmstart')} knows up to record version "
        f"{run_record.RECORD_VERSION}"
    )


def check_may_be_written(file: Path) -> None:
    """Checks that what is written to a store is what its later readers expect.

    One that is not there, or damaged, is left to who opens it.

    Raises:
        PipelineError: if ML Metadata has other tables there, or a later warmstart recorded runs.
    """
    found = store_version(file)
    if found and found.schema != SCHEMA_VERSION:
        raise PipelineError(
            f"{printable(str(file))} was written by ML Metadata with schema version "
            f"{found.schema}, and this one writes version {SCHEMA_VERSION}; use the version of "
            "warmstart that wrote it, or name another folder with --output."
        )
    if later := later_than_known(file):
        raise PipelineError(
            f"{later}; nothing is written to it: upgrade warmstart, or name another folder with "
            "--output."
        )
