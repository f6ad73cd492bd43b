"""The photos that a run used: which there are, and each one's file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from review.files import ArtifactFiles
from review.history import History
from review.photos import Photo, photos_of
from review.records import Artifact, Execution, Run
from review.tfrecords import RecordIndexes, feature_bytes
from schemas import features

_EXAMPLES = "Examples"
_QUARANTINE_OUTPUT = "quarantine"


@dataclass(frozen=True)
class ExampleSet:
    """Photos that one execution of ImageExampleGen wrote.

    Attributes:
        artifact: their Examples.
        photos: all of them, in the order of their paths.
    """

    artifact: Artifact
    photos: tuple[Photo, ...]

    def of_split(self, split: str) -> list[Photo]:
        """Returns the photos of a split."""
        return [photo for photo in self.photos if photo.split == split]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Photos by class, then by split, in the order of their names; none is 0."""
        counted = Counter((photo.label, photo.split) for photo in self.photos)
        labels, splits = (sorted({key[place] for key in counted}) for place in (0, 1))
        return {label: {split: counted[label, split] for split in splits} for label in labels}

    def find(self, sha256: str) -> Photo | None:
        """Returns a photo by the SHA-256 of its content in hex; the first one of copies."""
        return next((photo for photo in self.photos if photo.sha256 == sha256), None)


def examples_of_run(history: History, run: Run) -> ExampleSet | None:
    """Returns the photos that a run used, also where it took them from the cache."""
    artifacts = history.artifacts(run.made_ids)
    for execution in run.executions:
        for number in execution.output_ids:
            if number in artifacts and artifacts[number].type == _EXAMPLES:
                found = examples_behind(history, number)
                if found:
                    return found
    return None


def examples_behind(history: History, artifact_id: int) -> ExampleSet | None:
    """Returns the photos that Examples were made from, such as those of Transform.

    Args:
        history: of the store.
        artifact_id: of the Examples, raw or transformed.

    Returns:
        The photos, or None where they are not recorded or gone.
    """
    maker = example_gen_behind(history, artifact_id)
    photos = photos_of(history, maker)
    if maker is None or photos is None:
        return None
    raw = _examples_in(history, maker.output_ids)
    return ExampleSet(raw, tuple(photos)) if raw else None


def example_gen_behind(history: History, artifact_id: int) -> Execution | None:
    """Returns the execution that made raw examples, by way of what was made from them.

    Args:
        history: of the store.
        artifact_id: of the Examples, raw or transformed.
    """
    seen: set[int] = set()
    number: int | None = artifact_id
    while number is not None and number not in seen:
        seen.add(number)
        maker = history.makers([number]).get(number)
        if maker is None or _QUARANTINE_OUTPUT in maker.outputs:
            return maker
        # Other inputs lead to other photos: an analyzer cache to those of an earlier run.
        above = _examples_in(history, maker.input_ids)
        number = above.id if above else None
    return None


class ExamplePhotos:
    """Reads the files of photos from Examples; for many threads."""

    def __init__(self, files: ArtifactFiles) -> None:
        """Reads nothing yet.

        Args:
            files: that opens those of artifacts.
        """
        self._indexes = RecordIndexes(files, feature=features.PATH)

    def content(self, examples: Artifact, photo: Photo) -> bytes | None:
        """Returns the file of a photo, as the model was given it; None if it is not there.

        What TensorFlow does not decode was stored as PNG: such a file has another SHA-256.

        Args:
            examples: of `ExampleSet`.
            photo: one of them.
        """
        index = self._indexes.get(examples, f"Split-{photo.split}/")
        record = index.get(photo.path.encode())
        return None if record is None else feature_bytes(record, features.IMAGE)[0]

    def close(self) -> None:
        """Closes its files; those that are needed again are opened again."""
        self._indexes.close()


def _examples_in(history: History, ids: list[int]) -> Artifact | None:
    artifacts = history.artifacts(ids)
    return next(
        (artifacts[n] for n in ids if n in artifacts and artifacts[n].type == _EXAMPLES), None
    )
