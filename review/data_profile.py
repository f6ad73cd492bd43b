"""What the photos of a run are like as a whole: how many of each class, how bright, how large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from review.examples import examples_of_run
from review.feature_statistics import statistics_in
from review.history import History
from review.records import Run
from schemas.features import TRAIN

_STATISTICS = "ExampleStatistics"


@dataclass(frozen=True)
class DataProfile:
    """The photos of a run as a whole.

    Attributes:
        classes: photos of each class, in all splits; empty where that is not recorded.
        medians: of each number that is known of the training photos, such as `brightness`; empty
            where there are no statistics.
    """

    classes: Mapping[str, int]
    medians: Mapping[str, float]


def profile_of(history: History, run: Run) -> DataProfile:
    """Returns what the photos of a run are like."""
    examples = examples_of_run(history, run)
    classes = Counter(photo.label for photo in examples.photos) if examples else Counter[str]()
    return DataProfile(dict(sorted(classes.items())), _medians(history, run))


def _medians(history: History, run: Run) -> dict[str, float]:
    for artifact in history.artifacts(run.made_ids).values():
        if artifact.type == _STATISTICS:
            for split in statistics_in(history.files, artifact):
                if split.split == TRAIN:
                    return {o.name: o.median for o in split.features if o.median is not None}
    return {}
