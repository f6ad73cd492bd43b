"""Which photos two runs differ in, from the tables that ImageExampleGen leaves."""

from __future__ import annotations

from dataclasses import dataclass

from review.history import History
from review.records import Execution
from schemas.photo_table import COLUMNS, PHOTOS_FILE

_QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Photo:
    """A photo that a run used.

    Attributes:
        path: relative to the data folder.
        label: its class.
        split: that it went to.
        sha256: of its content.
    """

    path: str
    label: str
    split: str
    sha256: str


@dataclass(frozen=True)
class Relabelled:
    """A photo that is of another class now.

    Attributes:
        path: where it is now.
        old: its class before.
        new: its class now.
    """

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class PhotoChanges:
    """What differs between the photos of two runs; a photo is known by its content.

    Attributes:
        added: paths of the new ones.
        removed: paths of those that are gone.
        relabelled: those of another class.
        moved: paths of those that went to another split.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    relabelled: tuple[Relabelled, ...] = ()
    moved: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Counts the changes, as a clause; empty if there are none."""
        counts = (
            (len(self.added), "added"),
            (len(self.removed), "removed"),
            (len(self.relabelled), "relabelled"),
            (len(self.moved), "in another split"),
        )
        parts = [f"{count} {what}" for count, what in counts if count]
        return ", ".join(parts)


def photos_of(history: History, example_gen: Execution | None) -> list[Photo] | None:
    """Returns the photos that a run used, or None where they are not recorded or gone."""
    ids = example_gen.outputs.get(_QUARANTINE, ()) if example_gen else ()
    for artifact in history.artifacts(ids).values():
        rows = history.files.read_table(artifact, PHOTOS_FILE)
        # A table of something else, or cut off in the middle of a row, says nothing; no run is
        # without photos.
        if rows and all(isinstance(row.get(c), str) for row in rows for c in COLUMNS):
            return [Photo(*(row[column] for column in COLUMNS)) for row in rows]
    return None


def photo_changes(old: list[Photo], new: list[Photo]) -> PhotoChanges:
    """Compares photos by content and, among copies of one content, by path."""
    before, after = {p.path: p for p in old}, {p.path: p for p in new}
    same = {path for path, photo in after.items() if _has_content(before.get(path), photo)}
    gone = [photo for path, photo in before.items() if path not in same]
    come = [photo for path, photo in after.items() if path not in same]
    pairs = [(before[path], after[path]) for path in sorted(same)]
    added = []
    for photo in come:
        twin = next((one for one in gone if one.sha256 == photo.sha256), None)
        if twin:
            gone.remove(twin)
            pairs.append((twin, photo))
        else:
            added.append(photo.path)
    return PhotoChanges(
        added=tuple(added),
        removed=tuple(photo.path for photo in gone),
        relabelled=tuple(
            Relabelled(now.path, then.label, now.label)
            for then, now in pairs
            if then.label != now.label
        ),
        moved=tuple(now.path for then, now in pairs if then.split != now.split),
    )


def _has_content(old: Photo | None, new: Photo) -> bool:
    return old is not None and old.sha256 == new.sha256
