"""Remembers what was seen of each file, so that unchanged ones are not read again."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import PIL

from components.code_digest import code_digest
from components.dataset.cache import dataset_cache
from components.dataset.image_file import Inspection
from components.dataset.storage import File, is_remote

# A file changed this shortly before it was read may change once more within the same tick of the
# file system's clock, and keep its stamp: it is not remembered ("racy git").
_SETTLED_SECONDS = 2.0

_BUSY_SECONDS = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, inspection TEXT NOT NULL
) WITHOUT ROWID
"""


class FileIndex:
    """A table of the files below one folder, in the cache of this machine.

    A cache that cannot be used makes everything slower, and nothing else: it is an empty one.
    """

    def __init__(self, root: str, max_pixels: int) -> None:
        """Chooses the table; nothing is read yet.

        Args:
            root: the folder that the paths of files are relative to.
            max_pixels: files were inspected with this limit.
        """
        place = root if is_remote(root) else str(Path(root).resolve())
        # Another version may see other things in the same file.
        made_by = [code_digest("components/dataset", "decoding"), PIL.__version__, max_pixels]
        key = hashlib.sha256(json.dumps([place, *made_by]).encode("utf-8", "surrogateescape"))
        self._database = dataset_cache() / "index" / f"{key.hexdigest()[:32]}.sqlite"

    def known(self, files: Iterable[File]) -> dict[str, Inspection]:
        """Returns what is remembered, by path, of the files that have not changed since."""
        stamps = {file.path: file.stamp for file in files if file.stamp}
        if not stamps:
            return {}
        try:
            if not self._database.is_file():
                return {}
            with closing(self._connected()) as database:
                rows = database.execute("SELECT path, stamp, inspection FROM files")
                return {
                    path: Inspection(**json.loads(text))
                    for path, stamp, text in rows
                    if stamps.get(path) == stamp
                }
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            logging.getLogger(__name__).info("%s is not used: %s", self._database, error)
            return {}

    def remember(self, inspections: Mapping[File, Inspection]) -> None:
        """Keeps what was seen of some files, but for problems that may be the machine's."""
        now = time.time()
        rows = [
            (file.path, file.stamp, json.dumps(vars(inspection)))
            for file, inspection in inspections.items()
            if inspection.digest
            and inspection.lasting
            and file.stamp
            and now - file.changed >= _SETTLED_SECONDS
        ]
        if not rows:
            return
        try:
            self._database.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connected()) as database, database:
                database.execute(_TABLE)
                database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)
        except (sqlite3.Error, OSError, ValueError) as error:
            logging.getLogger(__name__).info("%s is not written: %s", self._database, error)

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=_BUSY_SECONDS)
