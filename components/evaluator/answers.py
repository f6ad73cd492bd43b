"""What models say of the evaluation photos: a table with a row for each photo, as Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from schemas import features
from schemas.errors import ModelError, printable

PATH = features.PATH
LABEL = features.LABEL
PROBABILITIES = "probabilities"
BASELINE = "baseline_probabilities"
NUMBERS = (features.BRIGHTNESS, features.WIDTH, features.HEIGHT, features.ASPECT)

SCHEMA = pa.schema(
    [
        (PATH, pa.string()),
        (LABEL, pa.string()),
        *((name, pa.float64()) for name in NUMBERS),
        (PROBABILITIES, pa.list_(pa.float32())),
        (BASELINE, pa.list_(pa.float32())),
    ]
)

_PREFIX = "answers"


@dataclass(frozen=True)
class Answers:
    """Photos with their labels, and what one or two models say of them.

    Attributes:
        classes: names, in the order of the probabilities.
        paths: of the photos, relative to the data folder.
        labels: numbers of the classes they are in, int64 (photos,).
        features: by name in `NUMBERS`, float64 (photos,).
        probabilities: of the model, float32 (photos, classes).
        baseline: of the model it is compared with, the same, or None.
    """

    classes: list[str]
    paths: list[str]
    labels: npt.NDArray[np.int64]
    features: dict[str, npt.NDArray[np.float64]]
    probabilities: npt.NDArray[np.float32]
    baseline: npt.NDArray[np.float32] | None


def answers_prefix(folder: str) -> str:
    """Returns how the names of a ModelEvaluation's files of answers begin."""
    return os.path.join(folder, _PREFIX)


def read_answers(folder: str, classes: list[str]) -> Answers:
    """Reads the answers of a ModelEvaluation artifact, in the order of the paths.

    Args:
        folder: of the artifact.
        classes: names, in the order of the probabilities.
    """
    rows: list[dict[str, Any]] = []
    for file in sorted(tf.io.gfile.glob(answers_prefix(folder) + "*.parquet")):
        with tf.io.gfile.GFile(file, "rb") as stream:
            rows.extend(pq.read_table(pa.BufferReader(stream.read())).to_pylist())
    return as_answers(rows, classes)


def as_answers(rows: Iterable[Mapping[str, Any]], classes: list[str]) -> Answers:
    """Brings rows in the form of `SCHEMA` together, in the order of the paths.

    Raises:
        ModelError: if a model gave no numbers.
        KeyError: if a label is none of the classes.
    """
    # A manifest may name a photo twice, with two labels.
    rows = sorted(rows, key=lambda row: (row[PATH], row[LABEL]))
    compared = bool(rows) and all(row[BASELINE] is not None for row in rows)
    shape = (len(rows), len(classes))
    numbers = {name: number for number, name in enumerate(classes)}
    paths = [row[PATH] for row in rows]
    said = [
        np.array([row[column] for row in rows], np.float32).reshape(shape)
        for column in (PROBABILITIES, *([BASELINE] if compared else []))
    ]
    for probabilities in said:
        _check_numbers(probabilities, paths)
    return Answers(
        classes=classes,
        paths=paths,
        labels=np.array([numbers[row[LABEL]] for row in rows], np.int64),
        features={name: np.array([row[name] for row in rows], np.float64) for name in NUMBERS},
        probabilities=said[0],
        baseline=said[1] if compared else None,
    )


def on_classes(
    probabilities: npt.NDArray[np.float32], known: list[str], wanted: list[str]
) -> npt.NDArray[np.float32]:
    """Returns what a model says of the wanted classes only, adding up to 1 again.

    A model that knows further classes is asked which of the wanted ones it is.

    Args:
        probabilities: float32 (photos, known classes).
        known: the model's classes, in the order of its probabilities.
        wanted: classes, all of them known.

    Returns:
        float32 (photos, wanted classes).
    """
    if known == wanted:
        return probabilities
    kept = probabilities[:, [known.index(name) for name in wanted]].astype(np.float64)
    total = kept.sum(axis=1, keepdims=True)
    even = np.full_like(kept, 1 / len(wanted))
    shares: npt.NDArray[np.float64] = np.divide(kept, total, out=even, where=total != 0)
    return shares.astype(np.float32)


def _check_numbers(probabilities: npt.NDArray[np.float32], paths: list[str]) -> None:
    """What is no number would be taken for some class."""
    wrong = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(wrong):
        raise ModelError(
            f"The model answers {len(wrong)} of {len(paths)} photos with no number (NaN), such as "
            f"{printable(paths[wrong[0]])}: its training went astray; lower "
            "frozen.learning_rate and fine_tune.learning_rate, and run again."
        )
