"""Finds labels that look wrong, by confident learning on out-of-fold predictions.

C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", Journal of Artificial Intelligence Research 70 (2021), 1373-1411,
https://doi.org/10.1613/jair.1.12125, in the authors' implementation, cleanlab.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_FOLDS = 5

# Different photos that a class needs before a label of it is called wrong. On real photos of which
# one label in twenty was swapped, a quarter of what was named in classes of 5 to 8 was indeed
# wrong, half in classes of 12, and four fifths or more in classes of 28.
FEWEST_PHOTOS = 12

# Inverse strength of the L2 penalty, times the number of channels, with which products of
# standardised photos grow. Stronger than a probe's: a classifier that is free to follow wrong
# labels finds fewer of them.
_PENALTY_C = 4.0

# Confident learning takes a photo for one of a class if the class is at least as likely as it is,
# on average, for photos labelled so. Half of the photos of a class that is easy to tell lie just
# below their own average, so that single wrong labels would be missed; with nine tenths of it they
# are found, at next to no cost in right ones.
_THRESHOLD_SHARE = 0.9

# cleanlab's way to choose. The estimated noise says how many labels of each class are wrong and
# which class they should be; a photo is named if it is among that many of its class that look
# least like it, and among that many that look most like the other class.
_FILTER_BY = "both"

# Values that are learnt from at once: 15,625 photos of a backbone with 1,280 channels. Of more
# photos as many are drawn: memory stays the same, and a linear classifier of so few parameters
# learns little from the rest.
_MOST_VALUES = 20_000_000

# Photos that are classified at once.
_PHOTOS_AT_A_TIME = 4096

_DECIMALS = 6


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo and its label.

    Attributes:
        path: relative to the data folder, with `/`.
        label: the class it was given.
        split: `train` or `eval`.
        digest: of what the backbone saw: equal for copies.
    """

    path: str
    label: str
    split: str
    digest: bytes


@dataclass(frozen=True)
class LabelSuspicion:
    """A label that looks wrong.

    Attributes:
        path: of the photo, relative to the data folder, with `/`.
        label: the class it was given.
        suggested: the class that it looks like most.
        self_confidence: probability of the given class, by a classifier that never saw the photo.
        confidence: probability of the suggested class, by the same.
        split: `train` or `eval`.
    """

    path: str
    label: str
    suggested: str
    self_confidence: float
    confidence: float
    split: str


@dataclass(frozen=True)
class Review:
    """What became of a look at all labels.

    Attributes:
        suspicions: the least likely label first.
        not_judged: photos of classes with too few of them.
    """

    suspicions: list[LabelSuspicion]
    not_judged: int


def review_labels(
    photos: Sequence[LabelledPhoto], embeddings: Callable[[np.ndarray], np.ndarray], *, seed: int
) -> Review:
    """Ranks the labels that look wrong; the order of the photos makes no difference.

    Copies of a photo count once in each class they lie in, and are each named. A class with one
    photo is left out; one with fewer than `FEWEST_PHOTOS` different ones is learnt, so that
    others are told from it, but not judged.

    Args:
        photos: those of all splits.
        embeddings: given int (some,), returns float32 (some, channels) of the photos with these
            numbers; so many at once as are learnt from, however many there are.
        seed: of the folds, and of what is drawn where there are very many photos.

    Raises:
        ValueError: if an embedding holds a value that is no number.
    """
    copies: dict[tuple[bytes, str], list[int]] = {}
    for row in sorted(range(len(photos)), key=lambda row: photos[row].path):
        copies.setdefault((photos[row].digest, photos[row].label), []).append(row)
    sizes = Counter(label for _, label in copies)
    kept = [key for key in copies if sizes[key[1]] > 1]
    if len({label for _, label in kept}) < 2:
        return Review([], not_judged=len(photos))

    classes, labels = np.unique([label for _, label in kept], return_inverse=True)
    folds = _folds([digest for digest, _ in kept], labels, seed)
    rows = np.array([copies[key][0] for key in kept])
    probabilities, known = _out_of_fold(lambda of: embeddings(rows[of]), labels, folds, seed)
    judged = known & (np.bincount(labels)[labels] >= FEWEST_PHOTOS)

    suspicions: list[LabelSuspicion] = []
    for row in _ranked_issues(probabilities, labels, judged):
        suggested = int(probabilities[row].argmax())
        for photo in (photos[copy] for copy in copies[kept[row]]):
            suspicions.append(  # noqa: PERF401 (a comprehension of two loops reads worse)
                LabelSuspicion(
                    photo.path,
                    photo.label,
                    suggested=str(classes[suggested]),
                    self_confidence=round(float(probabilities[row, labels[row]]), _DECIMALS),
                    confidence=round(float(probabilities[row, suggested]), _DECIMALS),
                    split=photo.split,
                )
            )
    photos_judged = sum(len(copies[kept[row]]) for row in np.flatnonzero(judged))
    return Review(suspicions, not_judged=len(photos) - photos_judged)


def _folds(digests: Sequence[bytes], labels: np.ndarray, seed: int) -> np.ndarray:
    """Divides photos into folds, in each of which the classes have their shares.

    Equal digests are in one fold, under whatever label: what was learnt of a photo must not
    judge its copy. A class with fewer photos than folds has each in a fold of its own.
    scikit-learn's StratifiedGroupKFold does not promise the latter, and parts groups from their
    labels when it shuffles (1.5).

    Args:
        digests: of the photos.
        labels: int (photos,).
        seed: another one gives another division.

    Returns:
        int (photos,).
    """
    groups, first, of = np.unique(
        [digest.hex() for digest in digests], return_index=True, return_inverse=True
    )
    shuffled = np.random.default_rng(seed).permutation(groups.size)
    order = np.lexsort((shuffled, labels[first]))  # By class, and by chance within it.
    folds = np.empty(groups.size, int)
    folds[order] = np.arange(groups.size) % _FOLDS
    return folds[of]


def _out_of_fold(
    embeddings: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    folds: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Classifies each photo by what logistic regression learnt from the other folds.

    Args:
        embeddings: as `review_labels` takes it.
        labels: int (photos,), from 0.
        folds: int (photos,).
        seed: of what is drawn.

    Returns:
        float32 (photos, classes), and bool (photos,): whether the other folds hold the photo's
        own class, without which nothing can be said about it.
    """
    # Slow to import, as is cleanlab below: not before there is something to do.
    from components.probe.linear_probe import linear_classifier  # noqa: PLC0415

    probabilities = np.zeros((labels.size, labels.max() + 1), np.float32)
    known = np.zeros(labels.size, bool)
    channels = embeddings(np.zeros(1, int)).shape[1]
    for fold in range(_FOLDS):
        others, asked = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        classes = np.unique(labels[others])
        if not asked.size or classes.size < 2:
            continue
        learnt = _drawn(others, labels, _MOST_VALUES // channels, seed)
        classifier = linear_classifier(_PENALTY_C / channels)
        # In float32, rounding stops Newton's method early where there are few photos.
        classifier.fit(embeddings(learnt).astype(np.float64), labels[learnt])
        for start in range(0, asked.size, _PHOTOS_AT_A_TIME):
            part = asked[start : start + _PHOTOS_AT_A_TIME]
            probabilities[np.ix_(part, classes)] = classifier.predict_proba(embeddings(part))
        known[asked] = np.isin(labels[asked], classes)
    return probabilities, known


def _drawn(photos: np.ndarray, labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Returns all photos or, of too many, equally many of each class that has so many.

    Args:
        photos: int (photos,), their numbers.
        labels: int, of each number.
        most: photos that are wanted, but one of each class in any case.
        seed: of the draw.
    """
    if photos.size <= most:
        return photos
    shuffled = np.random.default_rng(seed).permutation(photos)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, first, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    place_in_class = np.arange(by_class.size) - np.repeat(first, counts)
    return np.sort(by_class[place_in_class < max(1, most // counts.size)])


def _ranked_issues(probabilities: np.ndarray, labels: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Returns the rows whose label looks wrong, the least likely label first.

    Args:
        probabilities: float32 (photos, classes), out of fold.
        labels: int (photos,).
        judged: bool (photos,), which of them to look at.

    Returns:
        int (issues,).
    """
    rows = np.flatnonzero(judged)
    if np.unique(labels[rows]).size < 2:
        return rows[:0]

    from cleanlab.count import (  # type: ignore[import-untyped]  # noqa: PLC0415
        compute_confident_joint,
        get_confident_thresholds,
    )
    from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]  # noqa: PLC0415

    labels, probabilities = labels[rows], probabilities[rows]
    thresholds = _THRESHOLD_SHARE * get_confident_thresholds(labels, probabilities)
    with warnings.catch_warnings():
        # Said of every class without a photo to judge.
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        issues: np.ndarray = find_label_issues(
            labels,
            probabilities,
            filter_by=_FILTER_BY,
            confident_joint=compute_confident_joint(labels, probabilities, thresholds=thresholds),
            return_indices_ranked_by="self_confidence",
            n_jobs=1,  # Else it forks, in a process that runs TensorFlow.
        )
    found: np.ndarray = rows[issues]
    return found
