"""Whether an output folder lies where it lay when its store was written, in absolute paths."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from schemas.output_folders import OutputFolders

_NEWEST = "SELECT uri FROM Artifact WHERE uri LIKE '/%/artifacts/%' ORDER BY id DESC LIMIT 1"

# From an artifact up: its component's output, the component, `artifacts`, the output folder.
_UP = 3


def moved_from(folders: OutputFolders) -> Path | None:
    """Returns where the output folder was when its newest artifact was made, if that is elsewhere.

    Where the store cannot be read, nothing is said of it here.
    """
    place = f"{folders.metadata.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(place, uri=True, timeout=0)) as store:
            newest = store.execute(_NEWEST).fetchone()
    except sqlite3.DatabaseError:
        return None
    above = list(Path(newest[0]).parents)[: _UP + 1] if newest else []
    if len(above) <= _UP or above[_UP - 1] != OutputFolders(above[_UP]).artifacts:
        return None
    return None if above[_UP].resolve() == folders.root.resolve() else above[_UP]
