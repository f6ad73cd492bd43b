"""Asks pushed models about labelled photos, outside of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.dataset.storage import joined
from components.dataset.survey import Photo, Problem
from components.evaluator import answers
from components.serving.classification import Photo as File
from components.serving.classification import Prediction, classified
from components.serving.pushed_model import PushedModel
from schemas import features
from schemas.errors import DataError, printable


@dataclass(frozen=True)
class Asked:
    """What models say of photos.

    Attributes:
        answers: of the photos that they could read.
        unreadable: the others.
    """

    answers: answers.Answers
    unreadable: list[Problem]


def ask(
    photos: Sequence[Photo],
    root: str,
    *,
    model: PushedModel,
    baseline: PushedModel | None,
    progress: Callable[[int], None],
) -> Asked:
    """Asks one or two models about each photo; a few photos at a time are in memory.

    Args:
        photos: of classes that the model knows.
        root: what their paths are relative to.
        model: to be measured.
        baseline: to compare it with, which knows all of its classes; or None.
        progress: called with the number of photos just asked about.

    Raises:
        DataError: if none can be read.
        ModelError: if a model gives no numbers.
    """
    rows: list[dict[str, Any]] = []
    unreadable: list[Problem] = []
    models = [model] if baseline is None else [model, baseline]
    files = [File(photo.path, joined(root, photo.path)) for photo in photos]
    said = zip(*(classified(files, asked) for asked in models), strict=True)
    for photo, predictions in zip(photos, said, strict=True):
        error = next(filter(None, (one.error for one in predictions)), None)
        if error is None:
            rows.append(_row(photo, _on_classes_of_first(models, predictions)))
        else:
            problem = Problem(photo.path, photo.label, error, photo.seen.size, photo.digest)
            unreadable.append(problem)
        progress(1)
    if not rows:
        first = unreadable[0]
        raise DataError(
            f"None of the {len(photos)} photos in {printable(root)} can be read, such as "
            f"{printable(first.path)} ({first.reason}); make them readable."
        )
    return Asked(answers.as_answers(rows, model.classes), unreadable)


def _on_classes_of_first(
    models: Sequence[PushedModel], predictions: Sequence[Prediction]
) -> Iterator[list[float]]:
    wanted = models[0].classes
    for model, prediction in zip(models, predictions, strict=True):
        said = prediction.probabilities
        row = np.array([list(said.values() if isinstance(said, dict) else said or [])], np.float32)
        yield answers.on_classes(row, model.classes, wanted)[0].tolist()


def _row(photo: Photo, said: Iterator[list[float]]) -> dict[str, Any]:
    """Returns a row in the form of `answers.SCHEMA`."""
    seen = photo.seen
    return {
        answers.PATH: photo.path,
        answers.LABEL: photo.label,
        features.BRIGHTNESS: seen.brightness,
        features.WIDTH: seen.width,
        features.HEIGHT: seen.height,
        features.ASPECT: seen.width / seen.height,
        answers.PROBABILITIES: next(said),
        answers.BASELINE: next(said, None),
    }
