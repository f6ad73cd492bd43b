"""The photos that the page shows, and what is known of them; the latest are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from review.answers import Answers, answers_of_run
from review.examples import ExamplePhotos, ExampleSet, examples_of_run
from review.files import ArtifactFiles
from review.heat_maps import heat_map_in
from review.leaks import Leaks, leaks_of_run
from review.library import Library
from review.neighbours import Neighbour, Neighbours, embedded_photos
from review.photo_history import TrainedModel, models_of
from review.records import UNFINISHED
from review.run_report import report_artifact
from review.thumbnails import Thumbnails
from schemas.errors import ConfigError

# Pixels on the longer side: in a grid, on dense screens, and alone.
SMALL, LARGE = 256, 1024

# Some thousand small pictures.
_MOST_BYTES = 32_000_000

# Runs whose tables are kept: 300 bytes or so for each photo.
_MOST_RUNS = 4

_T = TypeVar("_T")


class Gallery:
    """Photos of runs, by the SHA-256 of their files; for many threads."""

    def __init__(self, library: Library) -> None:
        """Reads nothing yet.

        Args:
            library: of the store.
        """
        self._library = library
        self._files = ArtifactFiles(library.output.root)
        self._photos = ExamplePhotos(self._files)
        self._neighbours = Neighbours(self._files)
        self._thumbnails = Thumbnails(_MOST_BYTES)
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def examples(self, run_id: int) -> ExampleSet:
        """Returns the photos that a run used.

        Raises:
            ConfigError: if there is no such run, or its photos are not recorded or gone.
        """
        found = self._of_run(examples_of_run, run_id)
        if found is None:
            name = self._library.entry(run_id).run.name
            raise ConfigError(
                f"Which photos run {name} used is not recorded, or the table of them is gone."
            )
        return found

    def answers(self, run_id: int) -> Answers | None:
        """Returns what the model of a run said of each evaluation photo; None if it is gone.

        Raises:
            ConfigError: if there is no such run.
        """
        return self._of_run(answers_of_run, run_id)

    def heat_map(self, run_id: int, sha256: str) -> bytes | None:
        """Returns what the model of a run looked at in a photo as a JPEG file, or None.

        Args:
            run_id: in the store.
            sha256: of the photo's file, in hex.

        Raises:
            ConfigError: if there is no such run.
        """
        run = self._library.entry(run_id).run
        with self._library.reading() as opened:
            report = report_artifact(opened.history, run)
        if report is None:
            return None
        # What the report says of the photo, not the photo: it is kept apart.
        key = f"{report.uri} {sha256}"
        return self._thumbnails.get(key, SMALL, lambda: heat_map_in(self._files, report, sha256))

    def nearest(self, run_id: int, sha256: str, count: int) -> list[Neighbour]:
        """Returns the training photos of a run that look most like one of its photos.

        Args:
            run_id: in the store.
            sha256: of the photo's file, in hex.
            count: how many, at most.

        Raises:
            ConfigError: if there is no such run, or its photos are not recorded or gone.
        """
        photo = self.examples(run_id).find(sha256)
        embedded = self._of_run(embedded_photos, run_id)
        return self._neighbours.nearest(embedded, photo, count) if photo and embedded else []

    def leaks(self, run_id: int) -> Leaks | None:
        """Returns the pictures that are in two splits of a run; None if that is not recorded.

        Raises:
            ConfigError: if there is no such run.
        """
        return self._of_run(leaks_of_run, run_id)

    def models(self) -> list[TrainedModel]:
        """Returns all models of the store, the oldest first."""

        def read() -> list[TrainedModel]:
            with self._library.reading() as opened:
                return models_of(opened.history)

        return self._once((models_of, self._library.version()), read)

    def picture(self, run_id: int, sha256: str, size: int) -> bytes | None:
        """Returns a photo of a run as a small JPEG file, or None if it cannot be shown.

        Args:
            run_id: in the store.
            sha256: of the photo's file, in hex.
            size: `SMALL` or `LARGE`.

        Raises:
            ConfigError: if there is no such run, or its photos are not recorded or gone.
        """
        examples = self.examples(run_id)
        photo = examples.find(sha256)
        if photo is None:
            return None
        return self._thumbnails.get(
            sha256, size, lambda: self._photos.content(examples.artifact, photo)
        )

    def close(self) -> None:
        """Closes the files of photos; those that are needed again are opened again."""
        self._photos.close()
        self._neighbours.close()

    def _of_run(self, read: Callable[..., _T], run_id: int) -> _T:
        run = self._library.entry(run_id).run

        def now() -> _T:
            with self._library.reading() as opened:
                return read(opened.history, run)

        # A run that goes on has more to show later. By its name: ids begin anew in a new store.
        version = self._library.version() if run.state == UNFINISHED else None
        return self._once((read, run.name, run.state, version), now)

    def _once(self, key: Hashable, read: Callable[[], _T]) -> _T:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: _T = self._kept[key]
                return found
        found = read()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 2 * _MOST_RUNS:
                self._kept.popitem(last=False)
        return found
