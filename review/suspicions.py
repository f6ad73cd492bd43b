"""Labels that LabelReview found to look wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from review.files import ArtifactFiles
from review.records import Artifact

_FILE = "suspicions.csv"


@dataclass(frozen=True)
class Suspicion:
    """A label that looks wrong.

    Attributes:
        path: of the photo, relative to the data folder.
        label: the class it was given.
        suggested: the class that it looks like most.
        self_confidence: probability of the given class, by a classifier that never saw the photo.
        confidence: probability of the suggested class, by the same.
        split: that the photo is in.
    """

    path: str
    label: str
    suggested: str
    self_confidence: float
    confidence: float
    split: str


def suspicions_in(files: ArtifactFiles, suspicions: Artifact) -> list[Suspicion] | None:
    """Returns the labels in a LabelSuspicions artifact, the most doubtful first.

    Returns:
        Them; None if there is no list, or a list of something else.
    """
    rows = files.read_table(suspicions, _FILE)
    found = [_suspicion(row) for row in rows or ()]
    whole = [one for one in found if one is not None]
    return whole if rows is not None and len(whole) == len(found) else None


def _suspicion(row: Mapping[str, str]) -> Suspicion | None:
    try:
        numbers = float(row["self_confidence"]), float(row["confidence"])
        texts = row["path"], row["class"], row["suggested"]
    except (KeyError, TypeError, ValueError):
        return None
    if not all(map(math.isfinite, numbers)) or not row.get("split"):
        return None
    return Suspicion(*texts, *numbers, row["split"])
