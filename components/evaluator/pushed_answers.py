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
from components.serving.classification import classified
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
    """Asks one or two models about each photo; a few of the photos are in memory at a time.

    Args:
        photos: of classes that the model knows.
        root: what their paths are relative to.
        model: to be measured.
        baseline: to compare it with, which knows all of its classes; or None.
        progress: called with the number of photos that a model was just asked about.

    Raises:
        DataError: if none can be read.
        ModelError: if a model gives no numbers.
    """
    files = [File(photo.path, joined(root, photo.path)) for photo in photos]
    models = [model] if baseline is None else [model, baseline]
    # One after the other: what `classified` sets for Pillow is the process's, until it ends.
    said = [list(_said(files, asked, model.classes, progress)) for asked in models]
    rows: list[dict[str, Any]] = []
    unreadable: list[Problem] = []
    for photo, *found in zip(photos, *said, strict=True):
        reason = next((one for one in found if isinstance(one, str)), None)
        if reason is None:
            rows.append(_row(photo, found))
        else:
            problem = Problem(photo.path, photo.label, reason, photo.seen.size, photo.digest)
            unreadable.append(problem)
    if not rows:
        first = unreadable[0]
        raise DataError(
            f"None of the {len(photos)} photos in {printable(root)} can be read, such as "
            f"{printable(first.path)} ({first.reason}); make them readable."
        )
    return Asked(answers.as_answers(rows, model.classes), unreadable)


def _said(
    files: Sequence[File],
    model: PushedModel,
    wanted: list[str],
    progress: Callable[[int], None],
) -> Iterator[list[float] | str]:
    """Yields the probability of each wanted class of each file, or why it cannot be read."""
    for prediction in classified(files, model):
        progress(1)
        if isinstance(prediction.probabilities, dict):
            row = np.array([list(prediction.probabilities.values())], np.float32)
            probabilities: list[float] = answers.on_classes(row, model.classes, wanted)[0].tolist()
            yield probabilities
        else:
            yield prediction.error or ""


def _row(photo: Photo, said: Sequence[Any]) -> dict[str, Any]:
    """Returns a row in the form of `answers.SCHEMA`, of what one or two models said."""
    seen = photo.seen
    return {
        answers.PATH: photo.path,
        answers.LABEL: photo.label,
        features.BRIGHTNESS: seen.brightness,
        features.WIDTH: seen.width,
        features.HEIGHT: seen.height,
        features.ASPECT: seen.width / seen.height,
        answers.PROBABILITIES: said[0],
        answers.BASELINE: said[1] if len(said) > 1 else None,
    }
