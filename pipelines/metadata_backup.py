"""Keeps a copy of ML Metadata's store from before each run, and puts it back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from components.durable import sync
from pipelines.folders import OutputFolders
from schemas.errors import ConfigError, PipelineError, first_line, printable
from schemas.sqlite_store import read_only

_BACKUP = "metadata-backup.sqlite"
_DAMAGED = "damaged"


def backup_file(output: OutputFolders) -> Path:
    """Returns where the copy lies."""
    return output.root / _BACKUP


def back_up(output: OutputFolders) -> None:
    """Copies the store, if there is one, whole or not at all.

    The copy before is replaced only by a store that is sound.

    Raises:
        PipelineError: if the store is damaged, or the copy cannot be written.
    """
    if not output.metadata.exists():
        return
    backup = backup_file(output)
    partial = backup.with_name(f".{_BACKUP}.partial")
    partial.unlink(missing_ok=True)
    try:
        with read_only(output.metadata) as store, closing(sqlite3.connect(partial)) as copy:
            store.backup(copy)
        trouble = damage(partial)
    except sqlite3.DatabaseError as error:
        trouble = damage(output.metadata)
        if not trouble:
            partial.unlink(missing_ok=True)
            raise PipelineError(
                f"{printable(str(backup))} cannot be written ({first_line(error)}); make room or "
                "make the folder writable, and run the same command again."
            ) from error
    if trouble:
        partial.unlink(missing_ok=True)
        raise PipelineError(_sentence(output, trouble))
    _replace(partial, backup)


def damage(file: Path) -> str:
    """Says what is wrong with a store; empty if it is sound."""
    try:
        with read_only(file) as store:
            (found,) = store.execute("PRAGMA quick_check(1)").fetchone()
            known = store.execute("SELECT 1 FROM sqlite_master WHERE name = 'MLMDEnv'").fetchone()
    except sqlite3.DatabaseError as error:
        return first_line(error)
    if found != "ok":
        return str(found)
    return "" if known else "it is no store of ML Metadata"


def restore(output: OutputFolders) -> str:
    """Puts the copy back in the place of a damaged store, which is kept beside it.

    Returns:
        What was done, as a sentence.

    Raises:
        ConfigError: if the store is sound, or there is no copy.
    """
    store, backup = output.metadata, backup_file(output)
    shown = printable(str(store))
    if store.exists() and not damage(store):
        raise ConfigError(f"{shown} is sound; there is nothing to repair.")
    if not backup.exists():
        raise ConfigError(
            f"{shown} cannot be repaired: there is no copy {_BACKUP} beside it; name the folder of "
            "a run with --output, or begin anew in another one."
        )
    if trouble := damage(backup):
        raise ConfigError(f"The copy {printable(str(backup))} is damaged as well ({trouble}).")
    kept = ""
    if store.exists():
        aside = store.with_name(f"{store.name}.{_DAMAGED}-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        os.replace(store, aside)
        kept = f"; the damaged one is kept as {aside.name}"
    # What SQLite would replay into the restored store belongs to the damaged one.
    for left in ("-journal", "-wal", "-shm"):
        store.with_name(store.name + left).unlink(missing_ok=True)
    partial = store.with_name(f".{store.name}.partial")
    partial.write_bytes(backup.read_bytes())
    _replace(partial, store)
    since = datetime.fromtimestamp(backup.stat().st_mtime, UTC)
    return (
        f"{shown} is as it was before the run of {since:%Y-%m-%d %H:%M} UTC{kept}. Runs since then "
        "are no longer listed, and what they made is made again."
    )


def _replace(partial: Path, file: Path) -> None:
    """Puts a file in the place of another; a power cut leaves one of them, and it is whole."""
    sync(partial)
    os.replace(partial, file)
    sync(file.parent)


def _sentence(output: OutputFolders, trouble: str) -> str:
    return (
        f"{printable(str(output.metadata))} is damaged ({trouble}); `warmstart doctor --repair "
        f"--output {printable(str(output.root))}` puts back the copy from before the latest run."
    )
