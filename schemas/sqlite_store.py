"""Opens a store of ML Metadata as the SQLite file that it is, to read and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# Seconds, Python's own default.
_PATIENCE = 5.0


def read_only(file: Path, *, timeout: float = _PATIENCE) -> closing[sqlite3.Connection]:
    """Opens a store that is there, until the block ends.

    Args:
        file: SQLite's.
        timeout: seconds to wait for one who writes.

    Raises:
        sqlite3.OperationalError: if there is none, or it cannot be read.
    """
    place = f"{file.absolute().as_uri()}?mode=ro"
    return closing(sqlite3.connect(place, uri=True, timeout=timeout))
