"""The photos that a person is to look at: labels that look wrong, and copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from review.duplicates import duplicate_groups
from review.examples import ExampleSet, example_gen_behind
from review.history import History
from review.photos import Photo
from review.records import Artifact, Run
from schemas.corrections import Correction

LABEL = "label"
COPY = "copy"

_SUSPICIONS = "LabelSuspicions"
_SUSPICIONS_FILE = "suspicions.csv"


@dataclass(frozen=True)
class Doubt:
    """A photo to decide about.

    Attributes:
        photo: itself.
        kind: `label`: it looks like another class; `copy`: it shows the same picture as another.
        suggested: the class that it looks like, or empty.
        confidence: probability of that class, by a classifier that never saw the photo, or None.
        group: the number of its group of copies, from 1, or 0.
        others: paths of the other photos of its group.
        decision: what was decided about it, or None.
    """

    photo: Photo
    kind: str
    suggested: str
    confidence: float | None
    group: int
    others: tuple[str, ...]
    decision: Correction | None


def doubts_of_run(
    history: History, run: Run, examples: ExampleSet, decided: Sequence[Correction]
) -> list[Doubt]:
    """Returns the photos of a run to decide about: labels first, the least likely ones first.

    Args:
        history: of the store.
        run: itself.
        examples: the photos that it used.
        decided: what was decided already.
    """
    by_path = {(photo.path, photo.label): photo for photo in examples.photos}
    decisions = _Decisions(decided)
    labels = [
        Doubt(photo, LABEL, suggested, confidence, 0, (), decisions.about(photo))
        for artifact in history.artifacts(run.made_ids).values()
        if artifact.type == _SUSPICIONS
        for path, label, suggested, confidence in _suspicions(history, artifact)
        if (photo := by_path.get((path, label)))
    ]
    groups = duplicate_groups(history, example_gen_behind(history, examples.artifact.id))
    return [*labels, *_copies(groups, decisions)]


def _copies(groups: Iterable[Sequence[Photo]], decisions: _Decisions) -> Iterator[Doubt]:
    for number, group in enumerate(groups, 1):
        for photo in group:
            others = tuple(one.path for one in group if one is not photo)
            yield Doubt(photo, COPY, "", None, number, others, decisions.about(photo))


class _Decisions:
    """What was decided, by the photo that it holds for."""

    def __init__(self, decided: Iterable[Correction]) -> None:
        self._all: dict[str, list[Correction]] = {}
        for one in decided:
            self._all.setdefault(one.sha256, []).append(one)

    def about(self, photo: Photo) -> Correction | None:
        """Returns the decision about a photo; one about this very file goes before its copies'."""
        found = self._all.get(photo.sha256, [])
        own = [one for one in found if one.path == photo.path]
        of_all = [one for one in found if one.right_label is not None]
        return next(iter([*own, *of_all]), None)


def _suspicions(
    history: History, artifact: Artifact
) -> Iterator[tuple[str, str, str, float | None]]:
    for row in history.files.read_table(artifact, _SUSPICIONS_FILE) or ():
        if {"path", "class", "suggested", "confidence"} <= row.keys():
            yield row["path"], row["class"], row["suggested"], _share(row["confidence"])


def _share(text: str) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
