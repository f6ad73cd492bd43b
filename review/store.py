"""Opens a store of ML Metadata for reading, and says in one sentence why that cannot be done."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ml_metadata import MetadataStore
from ml_metadata.errors import StatusError
from ml_metadata.proto import metadata_store_pb2

from schemas.errors import ConfigError, PipelineError, first_line
from schemas.sqlite_store import read_only
from schemas.store_version import check_may_be_written

_OTHER_VERSION = re.compile(
    r"MLMD database version (\d+) is (?:greater|older) than library version (\d+)"
)
_DAMAGED = ("file is not a database", "malformed", "readonly database", "can't decode byte")
_LOCKED = "database is locked"

# Seconds that a store may be locked; ML Metadata itself would wait for most of a minute.
_PATIENCE = 5.0

_QUERY = re.compile(r"^Error when executing query: (.*?)( query:.*)?$", re.DOTALL)


class Output(Protocol):
    """The folder that a pipeline writes to, and its parts."""

    @property
    def root(self) -> Path:
        """The folder itself."""

    @property
    def artifacts(self) -> Path:
        """What components wrote."""

    @property
    def metadata(self) -> Path:
        """The SQLite file of ML Metadata."""

    @property
    def models(self) -> Path:
        """Pushed models."""

    @property
    def runs(self) -> Path:
        """A folder for each run."""

    @property
    def corrections(self) -> Path:
        """What a person decided about photos."""


@contextmanager
def opened(output: Output, *, to_write: bool = False) -> Iterator[MetadataStore]:
    """Opens the store of an output folder; while it is read, a run may write to it.

    Args:
        output: the folder.
        to_write: open it for changes as well; it is made by no one but a run.

    Raises:
        ConfigError: if there is none.
        PipelineError: if it cannot be read, or may not be written to.
    """
    with explained(output):
        yield open_store(output, to_write=to_write)


def open_store(output: Output, *, to_write: bool = False) -> MetadataStore:
    """Opens the store as `opened` does, for who keeps it open; to be called in `explained`."""
    if not output.metadata.is_file():
        raise ConfigError(
            f"--output {output.root} holds no run (no {output.metadata.name}); run the pipeline "
            "first, with `warmstart pipeline run`, or name the folder that it wrote to."
        )
    wait_for_lock(output.metadata)
    if to_write:
        check_may_be_written(output.metadata)
    return MetadataStore(sqlite_connection(output.metadata, to_write=to_write))


def wait_for_lock(file: Path) -> None:
    """Waits until a store can be read; whatever else is wrong is left to ML Metadata to say.

    Raises:
        sqlite3.OperationalError: if it takes longer than `_PATIENCE`.
    """
    try:
        with read_only(file, timeout=_PATIENCE) as database:
            database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        if _LOCKED in str(error):
            raise


@contextmanager
def explained(output: Output) -> Iterator[None]:
    """Says in one sentence what goes wrong while a store is opened or read.

    Raises:
        PipelineError: if it cannot be read.
    """
    try:
        yield
    except (RuntimeError, StatusError, UnicodeDecodeError, sqlite3.OperationalError) as error:
        raise PipelineError(_sentence(output.metadata, error)) from error


def no_run(output: Output) -> ConfigError:
    """Returns the error of an output folder whose store holds no run."""
    return ConfigError(
        f"--output {output.root} holds no run; run the pipeline first, with "
        "`warmstart pipeline run`."
    )


def sqlite_connection(file: Path, *, to_write: bool = False) -> Any:
    """Returns the connection to a SQLite file that exists."""
    modes = metadata_store_pb2.SqliteMetadataSourceConfig
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = modes.READWRITE if to_write else modes.READONLY
    return config


def mysql_connection(
    host: str, database: str, *, port: int = 3306, user: str = "root", password: str = ""
) -> Any:
    """Returns the connection to a MySQL server, for a `MetadataStore` that `History` reads."""
    config = metadata_store_pb2.ConnectionConfig()
    config.mysql.host, config.mysql.port = host, port
    config.mysql.database, config.mysql.user, config.mysql.password = database, user, password
    config.mysql.skip_db_creation = True
    return config


def _sentence(file: Path, error: Exception) -> str:
    said = first_line(error)
    if version := _OTHER_VERSION.search(said):
        found, known = version.groups()
        return (
            f"{file} was written by ML Metadata with schema version {found}, and this one reads "
            f"version {known}; use the version of warmstart that wrote it, or name another folder "
            "with --output."
        )
    reason = _QUERY.sub(r"\1", said).strip().rstrip(".")
    if any(sign in said for sign in _DAMAGED):
        return (
            f"{file} cannot be read ({reason}); it is damaged or no store of ML Metadata: "
            f"`warmstart doctor --repair --output {file.parent}` puts back the copy from before "
            "the latest run."
        )
    return (
        f"{file} cannot be read ({reason}); wait for the run that "
        "is writing to it, or name another folder with --output."
    )
