"""Keeps a store open for who asks again and again, and reads only what is new in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ml_metadata import MetadataStore

from review.history import History
from review.records import UNFINISHED, Run, RunHead
from review.results import RunResults, results_of
from review.store import Output, explained, open_store, wait_for_lock
from review.why import Why, explain
from schemas.errors import ConfigError, WarmstartError

# Runs that are read at once: while they are, no one else is answered.
_BATCH = 20

_MINUTE = 60.0

_Version = tuple[int, int, int]


@dataclass(frozen=True)
class Entry:
    """A run and what it came to.

    Attributes:
        run: itself.
        results: what was measured of its model, and where that went.
    """

    run: Run
    results: RunResults


@dataclass(frozen=True)
class Opened:
    """A store as it is at the moment.

    Attributes:
        store: itself.
        history: that reads it.
    """

    store: MetadataStore
    history: History


@dataclass(frozen=True)
class _Explained:
    """Why the components of a run ran.

    Attributes:
        run: as it was then.
        why: of each component; it says how old what was reused is, in minutes.
        at: when that was found, by the clock that never goes back.
    """

    run: Run
    why: Mapping[str, Why]
    at: float


class Library:
    """The runs in a store that may grow meanwhile; several threads may ask at once."""

    def __init__(self, output: Output) -> None:
        """Opens nothing yet.

        Args:
            output: the folder that a pipeline writes to.
        """
        self.output = output
        self._lock = threading.RLock()
        self._version: _Version | None = None
        self._opened: Opened | None = None
        self._heads: list[RunHead] = []
        self._changed = 0
        self._entries: dict[int, Entry] = {}
        self._why: dict[int, _Explained] = {}

    @contextmanager
    def reading(self) -> Iterator[Opened]:
        """Gives the store to one thread at a time.

        Raises:
            ConfigError: if there is none.
            PipelineError: if it cannot be read.
        """
        with self._known() as opened:
            wait_for_lock(self.output.metadata)
            yield opened

    def version(self) -> _Version | None:
        """Returns what changes whenever the store does, or None if there is none."""
        try:
            found = self.output.metadata.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def heads(self) -> Sequence[RunHead]:
        """Returns all runs without their executions, the newest first."""
        with self._known():
            return self._heads

    def run_ids(self) -> dict[str, int]:
        """Returns the ids of all runs by their names."""
        return {head.name: head.id for head in self.heads()}

    def entries(self, heads: Sequence[RunHead]) -> list[Entry]:
        """Returns runs with what they came to; those that ended are read only once.

        Args:
            heads: from `heads`.
        """
        batches = (heads[start : start + _BATCH] for start in range(0, len(heads), _BATCH))
        return [entry for batch in batches for entry in self._read(batch)]

    def read_ahead(self, stopped: Callable[[], bool]) -> None:
        """Reads runs that no one asked for yet, the newest first, so that all can be searched.

        Args:
            stopped: tells whether to stop; asked after every few runs.
        """
        try:
            heads = self.heads()
            for start in range(0, len(heads), _BATCH):
                if stopped():
                    return
                self._read(heads[start : start + _BATCH])
        except WarmstartError:
            return  # Whoever asks is told.

    def entry(self, run_id: int) -> Entry:
        """Returns one run, by its id in the store.

        Raises:
            ConfigError: if there is none.
        """
        head = next((head for head in self.heads() if head.id == run_id), None)
        if head is None:
            raise _gone(run_id)
        if found := self.entries([head]):
            return found[0]
        raise _gone(run_id)  # Since a moment ago: the store was replaced, or the run removed.

    def why(self, run: Run) -> Mapping[str, Why]:
        """Explains every component of a run; while the store does not change, once a minute."""
        with self.reading() as opened:
            kept, now = self._why.get(run.head.id), time.monotonic()
            # Whoever asks may know less of a run that goes on than who asked before.
            if kept is None or kept.run is not run or now - kept.at > _MINUTE:
                kept = self._why[run.head.id] = _Explained(run, explain(opened.history, run), now)
            return kept.why

    @contextmanager
    def _known(self) -> Iterator[Opened]:
        """Gives what was read already, which a writer does not keep anyone from."""
        with self._lock, explained(self.output):
            yield self._current()

    def _current(self) -> Opened:
        version = self.version()
        if self._opened is None or version != self._version:
            store = open_store(self.output)
            opened = Opened(store, History(store, self.output.root))
            heads = opened.history.runs()
            # What a component took, and why it failed, is recorded only after it ended; and a
            # notebook goes on with a run that seemed to have ended.
            changed = opened.history.changed_runs(self._changed) if self._entries else set()
            self._changed = opened.history.last_change()
            self._entries = {
                head.id: self._entries[head.id]
                for head in heads
                if head.id in self._entries and self._entries[head.id].run.head == head
                if self._entries[head.id].run.state != UNFINISHED
                if head.name not in changed
            }
            self._opened, self._heads = opened, heads
            self._why = {}
            self._version = version
        return self._opened

    def _read(self, heads: Sequence[RunHead]) -> list[Entry]:
        with self._known() as opened:
            known = {head.id for head in self._heads}
            new = [head for head in heads if head.id in known and head.id not in self._entries]
            if new:
                wait_for_lock(self.output.metadata)
                runs = opened.history.read(new)
                found = zip(runs, results_of(opened.history, runs), strict=True)
                self._entries.update((run.head.id, Entry(run, results)) for run, results in found)
            # At once: the next thread may find another store, and forget what can change.
            return [self._entries[head.id] for head in heads if head.id in self._entries]


def _gone(run_id: int) -> ConfigError:
    return ConfigError(
        f"Run {run_id} is not in the store; it was removed, or is of another folder."
    )
