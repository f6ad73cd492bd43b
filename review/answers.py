"""What a model said of each evaluation photo, from the table that Evaluator leaves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from review.examples import examples_behind
from review.history import History
from review.photos import Photo
from review.records import Artifact, Execution, Run
from schemas import features

_EVALUATION = "ModelEvaluation"
_EXAMPLES_INPUT = "examples"
_MEASURED_FILE = "measured.json"
_PREFIX = "answers"
_SUFFIX = ".parquet"
_PROBABILITIES = "probabilities"

_ROWS_AT_A_TIME = 1024
# More do not fit into the memory of a page: some 300 bytes a photo, and 32 a probability. A file of
# a few bytes can say to hold any number of them.
_MOST_PHOTOS = 200_000
_MOST_PROBABILITIES = 2_000_000
_MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Answer:
    """What a model said of a photo.

    Attributes:
        path: relative to the data folder.
        label: its class.
        said: the class that it was taken for.
        confidence: probability of that class.
        probabilities: of each class, in the order of `Answers.classes`.
        sha256: of the file, in hex; empty where that is not recorded.
    """

    path: str
    label: str
    said: str
    confidence: float
    probabilities: tuple[float, ...]
    sha256: str = ""

    @property
    def right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.label == self.said


@dataclass(frozen=True)
class Answers:
    """What a model said of all evaluation photos.

    Attributes:
        classes: names, in the order of the probabilities.
        rows: of each photo, in the order of the paths.
    """

    classes: tuple[str, ...]
    rows: tuple[Answer, ...]


def answers_of_run(history: History, run: Run) -> Answers | None:
    """Returns what the model of a run said.

    None where that is not recorded or gone, or of more photos than fit into memory.
    """
    artifacts = history.artifacts(run.made_ids)
    evaluations = [n for n in run.made_ids if n in artifacts and artifacts[n].type == _EVALUATION]
    found = (answers_in(history, artifacts[number]) for number in evaluations)
    return next((answers for answers in found if answers), None)


def answers_in(history: History, evaluation: Artifact) -> Answers | None:
    """Returns what stands in a ModelEvaluation, with the digests of the photos.

    Args:
        history: of the store.
        evaluation: the artifact.
    """
    maker = history.makers([evaluation.id]).get(evaluation.id)
    return _read(history, evaluation, _digests(history, maker))


def answer_to(history: History, evaluation: Artifact, photo: Photo) -> Answer | None:
    """Returns what stands in a ModelEvaluation of one photo, or None.

    Args:
        history: of the store.
        evaluation: the artifact.
        photo: with path and label as they were when it was evaluated.
    """
    digests = {(photo.path, photo.label): photo.sha256}
    found = _read(history, evaluation, digests, path=photo.path)
    rows = found.rows if found else ()
    return next((row for row in rows if row.label == photo.label), None)


def classes_of_evaluation(history: History, evaluation: Artifact) -> tuple[str, ...]:
    """Returns the classes in the order of the probabilities; none if they are not recorded."""
    measured = history.files.read_object(evaluation, _MEASURED_FILE) or {}
    confusion = measured.get("confusion")
    # JSON keeps the order in which Evaluator wrote them.
    return tuple(confusion) if isinstance(confusion, dict) else ()


def _digests(history: History, evaluator: Execution | None) -> Mapping[tuple[str, str], str]:
    """Returns the SHA-256 of photos by path and label."""
    for number in evaluator.inputs.get(_EXAMPLES_INPUT, ()) if evaluator else ():
        found = examples_behind(history, number)
        if found:
            return {(photo.path, photo.label): photo.sha256 for photo in found.photos}
    return {}


def _read(
    history: History,
    evaluation: Artifact,
    digests: Mapping[tuple[str, str], str],
    *,
    path: str | None = None,
) -> Answers | None:
    """Reads all answers of an artifact, or those to one path."""
    classes = classes_of_evaluation(history, evaluation)
    if not classes:
        return None
    rows: list[Answer] = []
    for file in history.files.listing(evaluation):
        if file.name.startswith(_PREFIX) and file.name.endswith(_SUFFIX):
            if file.size > _MOST_BYTES:
                return None
            try:
                with history.files.open(evaluation, file.name) as stream:
                    found = _rows(stream, path)
                    rows.extend(_answer(row, classes, digests) for row in found)
            # Whatever a broken file makes Arrow raise: half of a table is none.
            except Exception:  # noqa: BLE001
                return None
            if len(rows) > _MOST_PHOTOS:
                return None
    return Answers(classes, tuple(sorted(rows, key=lambda row: (row.path, row.label))))


def _rows(stream: BinaryIO, path: str | None) -> Iterator[Mapping[str, Any]]:
    """Yields the rows of a file, or those of one path.

    Raises:
        Exception: if it is broken, or a table of something else.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 (both: a third of a second)
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = [features.PATH, features.LABEL, _PROBABILITIES]
    table = pq.ParquetFile(stream)
    _check_size(table.metadata)
    for batch in table.iter_batches(_ROWS_AT_A_TIME, columns=columns):
        chosen = batch if path is None else batch.filter(pc.equal(batch[features.PATH], path))
        yield from chosen.to_pylist()


def _check_size(metadata: Any) -> None:
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    values = sum(c.num_values for c in chunks if c.path_in_schema.startswith(_PROBABILITIES))
    if metadata.num_rows > _MOST_PHOTOS or values > _MOST_PROBABILITIES:
        raise ValueError(f"{metadata.num_rows} photos with {values} probabilities")


def _answer(
    row: Mapping[str, Any], classes: Sequence[str], digests: Mapping[tuple[str, str], str]
) -> Answer:
    path, label = row[features.PATH], row[features.LABEL]
    probabilities = tuple(map(float, row[_PROBABILITIES]))
    if len(probabilities) != len(classes) or not all(map(math.isfinite, probabilities)):
        raise ValueError(f"{len(probabilities)} probabilities of {len(classes)} classes")
    if not isinstance(path, str) or not isinstance(label, str):
        raise TypeError("a path or label that is no text")
    confidence = max(probabilities)
    said = classes[probabilities.index(confidence)]
    return Answer(path, label, said, confidence, probabilities, digests.get((path, label), ""))
