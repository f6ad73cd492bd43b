"""Whether an output folder lies where it lay when its store was written, in absolute paths."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from schemas.output_folders import OutputFolders
from schemas.sqlite_store import read_only

_NEWEST = "SELECT uri FROM Artifact WHERE uri LIKE '/%/artifacts/%' ORDER BY id DESC LIMIT 1"

# From an artifact up: its component's output, the component, `artifacts`, the output folder.
_UP = 3


def moved_from(folders: OutputFolders) -> Path | None:
    """Returns where the output folder was when its newest artifact was made, if that is elsewhere.

    Where the store cannot be read, or tells nonsense, nothing is said of it here.
    """
    try:
        with read_only(folders.metadata, timeout=0) as store:
            (uri,) = store.execute(_NEWEST).fetchone()
        above = Path(uri).parents
        before = above[_UP]
        if above[_UP - 1].name != folders.artifacts.name:
            return None
        return None if before.resolve() == folders.root.resolve() else before
    # In this order: no store, no artifact or no text, few folders above it, no name of a file.
    except (sqlite3.DatabaseError, TypeError, IndexError, OSError, ValueError):
        return None
