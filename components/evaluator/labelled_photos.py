"""Which photos of a data folder a pushed model can be measured with; without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

from components.dataset.layout import SPLIT_FOLDERS
from components.dataset.survey import Photo, Survey
from schemas import features
from schemas.errors import ConfigError, DataError, ModelError, printable, shortened_list


def photos_to_ask(
    data: str, survey: Survey, *, classes: Sequence[str], split: str | None
) -> list[Photo]:
    """Returns the photos of all splits, or of one.

    Args:
        data: the data folder, as the user named it.
        survey: of it.
        classes: that the model knows.
        split: name of the split as it stands in the data folder, or None.

    Raises:
        ConfigError: if there is no such split.
        DataError: if no photo can be used, or one is of a class that the model does not know.
    """
    name = printable(data)
    if not survey.photos:
        files = shortened_list(f"{printable(p.path)} ({p.reason})" for p in survey.problems)
        raise DataError(f"{name}: no file can be used; replace them: {files}.")
    photos = survey.photos if split is None else _of_split(name, survey, split)
    unknown = sorted({photo.label for photo in photos}.difference(classes))
    if unknown:
        raise DataError(
            f"{name}: the model does not know the class {_names(unknown)}, but {_names(classes)}; "
            "name the class as the model does, leave its photos out, or train a model with them."
        )
    return photos


def check_comparable(model: Sequence[str], baseline: Sequence[str], baseline_dir: str) -> None:
    """Makes sure that a model can be compared with another.

    Args:
        model: classes that it knows.
        baseline: classes that the other one knows.
        baseline_dir: the other one's folder.

    Raises:
        ModelError: if the other one lacks a class.
    """
    unknown = [label for label in model if label not in baseline]
    if unknown:
        raise ModelError(
            f"{printable(baseline_dir)} does not know the class {_names(unknown)} of the model; "
            "compare with one that knows them all."
        )


def _of_split(name: str, survey: Survey, split: str) -> list[Photo]:
    if not survey.given:
        raise ConfigError(
            f"--split {split}: {name} does not say which split a photo is in; leave --split out."
        )
    splits = [_split_name(survey, photo) for photo in survey.photos]
    if split not in splits:
        raise ConfigError(
            f"--split {split}: {name} has no such split; it has {_names(sorted(set(splits)))}."
        )
    return [p for p, found in zip(survey.photos, splits, strict=True) if found == split]


def _split_name(survey: Survey, photo: Photo) -> str:
    """Returns what the user calls it: without a val folder, photos in test are in split eval."""
    if survey.layout == SPLIT_FOLDERS:
        return photo.path.split("/", 1)[0]
    return "val" if photo.split == features.EVAL else photo.split


def _names(names: Sequence[str]) -> str:
    return shortened_list(map(printable, names))
