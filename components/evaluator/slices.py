"""Parts of the evaluation photos that differ in more than chance: brightness, size, and so on."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from components.evaluator.answers import Answers
from schemas import features
from schemas.errors import written

BRIGHTNESS = "brightness"
SIZE = "size"
ASPECT = "aspect"
FOLDER = "folder"
SLICES = (BRIGHTNESS, SIZE, ASPECT, FOLDER)

# Fewer photos are not divided into thirds.
_FEWEST_PHOTOS = 12

# Folders beyond the largest of them are not told apart.
_MOST_FOLDERS = 50
_OTHER_FOLDERS = "other folders"

# Width divided by height: a photo of 4:5 is upright, one of 9:10 is about square.
_UPRIGHT, _WIDE = 0.9, 1.1

Names = npt.NDArray[np.str_]


def slices_of(answers: Answers, wanted: Sequence[str]) -> dict[str, Names]:
    """Returns which slice each photo is in, by feature; features in which all agree are left out.

    Args:
        answers: the photos.
        wanted: some of `SLICES`. Brightness and size (in megapixels) are divided into thirds of
            these photos; `folder` is the folder that a photo is in.

    Returns:
        For each feature that tells photos apart, a name for each photo: str (photos,).
    """
    found = {
        BRIGHTNESS: lambda: _thirds(answers.features[features.BRIGHTNESS]),
        SIZE: lambda: _thirds(_megapixels(answers), " MP"),
        ASPECT: lambda: _aspects(answers.features[features.ASPECT]),
        FOLDER: lambda: _folders(answers),
    }
    named = {feature: found[feature]() for feature in wanted}
    return {feature: names for feature, names in named.items() if len(set(names.tolist())) > 1}


def in_order(names: Iterable[str]) -> list[str]:
    """Returns each slice of a feature once: thirds from the lowest to the highest, else by name."""
    rank = {"below": 0, "above": 2}
    return sorted(set(names), key=lambda name: (rank.get(name.partition(" ")[0], 1), name))


def _thirds(values: npt.NDArray[np.float64], unit: str = "") -> Names:
    if len(values) < _FEWEST_PHOTOS:
        return np.full(len(values), "all")
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    lower, upper = f"{written(float(low))}{unit}", f"{written(float(high))}{unit}"
    # Most photos may have the same value, such as the size that one camera gives.
    middle = lower if lower == upper else f"{lower} to {upper}"
    inner = np.where(values > high, f"above {upper}", middle)
    return np.where(values < low, f"below {lower}", inner)


def _megapixels(answers: Answers) -> npt.NDArray[np.float64]:
    return answers.features[features.WIDTH] * answers.features[features.HEIGHT] / 1e6


def _aspects(values: npt.NDArray[np.float64]) -> Names:
    return np.where(values < _UPRIGHT, "upright", np.where(values > _WIDE, "wide", "about square"))


def _folders(answers: Answers) -> Names:
    folders = [posixpath.dirname(path) or "." for path in answers.paths]
    known = {folder for folder, _ in Counter(folders).most_common(_MOST_FOLDERS)}
    if (
        len(set(zip(folders, answers.labels.tolist(), strict=True)))
        == len(set(folders))
        == len(set(answers.labels.tolist()))
    ):
        return np.full(len(folders), "all")  # A folder for each class: those are slices anyway.
    return np.array([folder if folder in known else _OTHER_FOLDERS for folder in folders])
