"""Copies what a run's log gains while a component runs into a file of that component."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.run_folder import LOG_FILE, LOGS_FOLDER, component_log

# Seconds between two looks at the log. A pipe would be at once, but libraries that print more than
# it holds while they keep Python's lock would wait for its reader for ever.
_INTERVAL = 0.2
_BLOCK = 1 << 20

_log = logging.getLogger(__name__)


class ComponentLogs:
    """The logs of the components of a run, which run one after the other."""

    def __init__(self, folder: Path) -> None:
        """Writes nothing yet.

        Args:
            folder: of the run, whose log is being written.
        """
        self._source = folder / LOG_FILE
        self._folder = folder / LOGS_FOLDER
        self._follower: _Follower | None = None

    def begin(self, node: str) -> None:
        """Starts the log of a component; a disk that is full costs the log, not the run."""
        try:
            self._folder.mkdir(exist_ok=True)
            self._follower = _Follower(self._source, self._folder / component_log(node))
        except OSError as error:
            _log.warning("%s has no log of its own: %s", node, error)

    def end(self) -> None:
        """Completes the log of the component that runs, if one does."""
        if self._follower:
            self._follower.stop()
            self._follower = None

    @contextmanager
    def closed(self) -> Iterator[ComponentLogs]:
        """Completes the last log in the end, whatever happens."""
        try:
            yield self
        finally:
            self.end()


class _Follower:
    """Copies what is appended to a file to another one, until it is stopped."""

    def __init__(self, source: Path, target: Path) -> None:
        _flush()
        self._source = source.open("rb")
        self._source.seek(0, 2)
        self._target = target.open("wb", buffering=0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="component log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Copies the rest."""
        _flush()
        self._stopped.set()
        self._thread.join()

    def _follow(self) -> None:
        with self._source, self._target:
            going_on = True
            while going_on:
                going_on = not self._stopped.wait(_INTERVAL)
                try:
                    while block := self._source.read(_BLOCK):
                        self._target.write(block)
                except OSError:
                    return  # The disk is full, which the run itself will say.


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
