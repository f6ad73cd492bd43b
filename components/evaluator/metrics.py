"""What a classifier is measured by: one definition for TFMA, the intervals and the command line.

Labels are numbers of classes, int64 (photos,); probabilities float (photos, classes), each row
adding up to 1; weights float64 (photos,), by default 1 for each photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ACCURACY = "accuracy"
BALANCED_ACCURACY = "balanced_accuracy"
AUC = "auc"
LOG_LOSS = "log_loss"
CALIBRATION_ERROR = "expected_calibration_error"

METRICS = (ACCURACY, BALANCED_ACCURACY, AUC, LOG_LOSS, CALIBRATION_ERROR)
LOWER_IS_BETTER = frozenset({LOG_LOSS, CALIBRATION_ERROR})

# As in Keras: a certain mistake costs 16.1, not infinity.
_EPSILON = 1e-7

# Guo et al., On Calibration of Modern Neural Networks (2017), section 2.
_CONFIDENCE_BINS = 15

Labels = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

# The lowest and the highest value.
Interval = tuple[float, float]


@dataclass(frozen=True)
class ByClass:
    """Metrics of each class, float64 (classes,); NaN where the class has no photo to measure with.

    Attributes:
        precision: share of the photos taken for a class that are of it.
        recall: share of the photos of a class that were recognised.
        f1_score: harmonic mean of both.
    """

    precision: Floats
    recall: Floats
    f1_score: Floats


def metrics(
    labels: Labels, probabilities: Floats, weights: Floats | None = None
) -> dict[str, float]:
    """Returns each of `METRICS`; NaN where there are no photos to measure it with.

    `balanced_accuracy` is the mean of the recalls, `auc` the mean of the areas under the ROC curve
    of one class against the others, each over the classes that have photos.
    """
    if not len(labels):
        return dict.fromkeys(METRICS, float("nan"))
    weights = np.ones(len(labels)) if weights is None else weights
    confusion = confusion_matrix(labels, probabilities, weights)
    return {
        ACCURACY: float(np.trace(confusion) / weights.sum()),
        BALANCED_ACCURACY: _mean(by_class(confusion).recall),
        AUC: auc(labels, ranks_of(probabilities), weights),
        LOG_LOSS: mean_of(losses_of(labels, probabilities), weights),
        CALIBRATION_ERROR: _calibration_error(labels, probabilities, weights),
    }


def auc(labels: Labels, ranks: Ranks, weights: Floats) -> float:
    """Returns the mean of the areas of `auc_by_class` over the classes that have one.

    Args:
        labels: of the photos.
        ranks: from `ranks_of`, which does not depend on the weights.
        weights: of the photos.
    """
    return _mean(_areas(labels, ranks, weights))


def ranks_of(probabilities: Floats) -> Ranks:
    """Returns where each probability stands among those of its class: from 0, equal ones alike."""
    columns = [np.unique(column, return_inverse=True)[1] for column in probabilities.T]
    return np.stack(columns, axis=1)


def losses_of(labels: Labels, probabilities: Floats) -> Floats:
    """Returns -ln(probability of the right class) of each photo: float64 (photos,)."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    losses: Floats = -np.log(np.clip(of_label, _EPSILON, 1))
    return losses


def mean_of(values: Floats, weights: Floats) -> float:
    """Returns the weighted mean of a value of each photo, of at least one."""
    return float(weights @ values / weights.sum())


def confusion_matrix(
    labels: Labels, probabilities: Floats, weights: Floats | None = None
) -> Floats:
    """Returns photos by true class, then by the most probable one: float64 (classes, classes)."""
    classes = probabilities.shape[1]
    cells = labels * classes + probabilities.argmax(axis=1)
    weights = np.ones(len(labels)) if weights is None else weights
    return _sums(cells, weights, classes * classes).reshape(classes, classes)


def by_class(confusion: Floats) -> ByClass:
    """Returns precision, recall and F1 of each class of a confusion matrix."""
    right = np.diagonal(confusion)
    taken, there = confusion.sum(axis=0), confusion.sum(axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: not measured.
        return ByClass(right / taken, right / there, 2 * right / (taken + there))


def auc_by_class(labels: Labels, probabilities: Floats, weights: Floats | None = None) -> Floats:
    """Returns the area under each class's ROC curve, against all others: float64 (classes,).

    It is the probability that a photo of the class gets a higher one than another photo (Fawcett,
    An Introduction to ROC Analysis, 2006); NaN where there is no photo of the class, or no other.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    return _areas(labels, ranks_of(probabilities), weights)


@dataclass(frozen=True)
class ConfidenceBin:
    """Photos of which a model was about as sure.

    Attributes:
        confidence: their mean confidence, the probability of the class they were taken for.
        accuracy: the share that it was right about.
        photos: how many there are.
    """

    confidence: float
    accuracy: float
    photos: int


def reliability(labels: Labels, probabilities: Floats) -> list[ConfidenceBin]:
    """Returns the bins of a reliability diagram that hold photos, the least sure first."""
    photos, confidence, right = _bins(labels, probabilities, np.ones(len(labels)))
    return [
        ConfidenceBin(float(c / n), float(r / n), round(n))
        for n, c, r in zip(photos, confidence, right, strict=True)
        if n
    ]


def _calibration_error(labels: Labels, probabilities: Floats, weights: Floats) -> float:
    _, confidence, right = _bins(labels, probabilities, weights)
    return float(np.abs(confidence - right).sum() / weights.sum())


def _bins(labels: Labels, probabilities: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns by bin of confidence: photos, the sum of their confidences, and those right."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    number = np.minimum((confidence * _CONFIDENCE_BINS).astype(int), _CONFIDENCE_BINS - 1)
    right = probabilities.argmax(axis=1) == labels
    return (
        _sums(number, weights, _CONFIDENCE_BINS),
        _sums(number, weights * confidence, _CONFIDENCE_BINS),
        _sums(number, weights * right, _CONFIDENCE_BINS),
    )


def _areas(labels: Labels, ranks: Ranks, weights: Floats) -> Floats:
    return np.array([_area(labels == number, rank, weights) for number, rank in enumerate(ranks.T)])


def _area(positive: npt.NDArray[np.bool_], rank: Ranks, weights: Floats) -> float:
    of_class, of_others = weights * positive, weights * ~positive
    pairs = of_class.sum() * of_others.sum()
    if not pairs:
        return float("nan")
    different = rank.max() + 1
    of_class = _sums(rank, of_class, different)
    of_others = _sums(rank, of_others, different)
    # Of two photos with equal scores each is taken to be before the other half of the time.
    before = np.cumsum(of_others) - of_others / 2
    return float((of_class * before).sum() / pairs)


def _sums(numbers: npt.NDArray[np.int64], values: Floats, count: int) -> Floats:
    """Returns the sum of the values under each number below `count`: float64 (count,)."""
    return np.bincount(numbers, values, count).astype(np.float64)


def _mean(values: Floats) -> float:
    measured = values[~np.isnan(values)]
    return float(measured.mean()) if len(measured) else float("nan")
