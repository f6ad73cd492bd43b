"""Tests of the metrics against scikit-learn, and of what it has no answer to."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.metrics import (
    ACCURACY,
    AUC,
    BALANCED_ACCURACY,
    CALIBRATION_ERROR,
    LOG_LOSS,
    METRICS,
    ConfidenceBin,
    auc_by_class,
    by_class,
    confusion_matrix,
    metrics,
    reliability,
)


def drawn(photos: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels, each class among them, and float32 probabilities that often fit them."""
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, photos - classes)])
    scores = generator.normal(size=(photos, classes))
    scores[np.arange(photos), labels] += 1
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return labels, probabilities.astype(np.float32)


@pytest.mark.parametrize("classes", [3, 7])
@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    labels, probabilities = drawn(80, classes, seed)
    predicted = probabilities.argmax(axis=1)
    # It wants rows that add up to 1 more exactly than float32 does.
    exact = probabilities / probabilities.sum(axis=1, keepdims=True, dtype=np.float64)

    found = metrics(labels, probabilities)

    assert set(found) == set(METRICS)
    assert found[ACCURACY] == pytest.approx(sklearn.metrics.accuracy_score(labels, predicted))
    assert found[BALANCED_ACCURACY] == pytest.approx(
        sklearn.metrics.balanced_accuracy_score(labels, predicted)
    )
    assert found[AUC] == pytest.approx(
        sklearn.metrics.roc_auc_score(labels, exact, multi_class="ovr", average="macro")
    )
    assert found[LOG_LOSS] == pytest.approx(sklearn.metrics.log_loss(labels, exact), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_classes_are_those_of_scikit_learn(seed: int) -> None:
    labels, probabilities = drawn(60, 4, seed)
    predicted = probabilities.argmax(axis=1)

    confusion = confusion_matrix(labels, probabilities)
    found = by_class(confusion)

    assert (confusion == sklearn.metrics.confusion_matrix(labels, predicted)).all()
    precision, recall, f1_score, _ = sklearn.metrics.precision_recall_fscore_support(
        labels, predicted
    )
    np.testing.assert_allclose(astuple(found), (precision, recall, f1_score))


def test_two_classes_have_one_auc() -> None:
    labels, probabilities = drawn(50, 2, 0)

    areas = auc_by_class(labels, probabilities)

    # That of the first class is taken from 1 - p: float32 may make two photos equal there only.
    assert areas[0] == pytest.approx(areas[1], abs=1e-3)
    assert areas[1] == pytest.approx(sklearn.metrics.roc_auc_score(labels, probabilities[:, 1]))
    assert metrics(labels, probabilities)[AUC] == pytest.approx(areas.mean())


@given(
    counts=st.lists(st.integers(0, 4), min_size=6, max_size=12).filter(any),
    seed=st.integers(0, 1000),
)
def test_weight_counts_as_so_many_photos(counts: list[int], seed: int) -> None:
    labels, probabilities = drawn(len(counts), 3, seed)
    repeated = np.repeat(np.arange(len(counts)), counts)

    weighted = metrics(labels, probabilities, np.array(counts, np.float64))

    expected = metrics(labels[repeated], probabilities[repeated])
    assert weighted == pytest.approx(expected, nan_ok=True)


def test_equal_probabilities_count_half_in_auc() -> None:
    labels = np.array([1, 0, 1, 0])
    second = np.array([0.5, 0.5, 0.9, 0.1])
    probabilities = np.stack([1 - second, second], axis=1)

    # Of four pairs three are in order, and one is equal.
    assert auc_by_class(labels, probabilities).tolist() == [0.875, 0.875]


def test_auc_of_a_model_that_always_says_the_same_is_one_half() -> None:
    probabilities = np.full((6, 3), 1 / 3)

    assert metrics(np.array([0, 1, 2, 0, 1, 2]), probabilities)[AUC] == 0.5


def test_class_without_photos_is_left_out_of_means() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.1, 0.7], [0.1, 0.7, 0.2], [0.1, 0.6, 0.3]])

    classes = by_class(confusion_matrix(labels, probabilities))

    assert classes.recall.tolist()[:2] == [0.5, 1.0]
    assert np.isnan(classes.recall[2])
    assert classes.precision.tolist() == [1.0, 1.0, 0.0]
    assert classes.f1_score.tolist() == pytest.approx([2 / 3, 1.0, 0.0])
    assert np.isnan(auc_by_class(labels, probabilities)[2])
    found = metrics(labels, probabilities)
    assert found[BALANCED_ACCURACY] == 0.75
    assert found[AUC] == pytest.approx(np.mean([1.0, 1.0]))


def test_class_never_taken_has_no_precision() -> None:
    classes = by_class(confusion_matrix(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])))

    assert classes.precision[0] == 0.5
    assert np.isnan(classes.precision[1])
    assert classes.f1_score.tolist() == [pytest.approx(2 / 3), 0.0]


def test_one_photo_has_everything_but_an_auc() -> None:
    found = metrics(np.array([1]), np.array([[0.25, 0.75]]))

    assert np.isnan(found.pop(AUC))
    assert found == pytest.approx(
        {
            ACCURACY: 1.0,
            BALANCED_ACCURACY: 1.0,
            LOG_LOSS: -np.log(0.75),
            CALIBRATION_ERROR: 0.25,
        }
    )


def test_no_photos_have_no_metrics() -> None:
    found = metrics(np.zeros(0, np.int64), np.zeros((0, 2)))

    assert list(found) == list(METRICS)
    assert np.isnan(list(found.values())).all()


def test_certain_mistake_costs_no_infinite_loss() -> None:
    assert metrics(np.array([0]), np.array([[0.0, 1.0]]))[LOG_LOSS] == pytest.approx(
        16.118, abs=1e-3
    )


def test_calibration_error_is_what_was_promised_beyond_what_came() -> None:
    """Ten photos of which it is 0.9 sure, six of them right; ten at 0.6, eight of them right."""
    first, second = np.array([0.9, 0.1]), np.array([0.6, 0.4])
    probabilities = np.array([first] * 10 + [second] * 10)
    labels = np.array([0] * 6 + [1] * 4 + [0] * 8 + [1] * 2)

    # A half of 0.9 - 0.6, and a half of 0.8 - 0.6.
    assert metrics(labels, probabilities)[CALIBRATION_ERROR] == pytest.approx(0.25)
    assert reliability(labels, probabilities) == [
        ConfidenceBin(pytest.approx(0.6), pytest.approx(0.8), 10),
        ConfidenceBin(pytest.approx(0.9), pytest.approx(0.6), 10),
    ]


def test_photos_of_one_bin_make_up_for_each_other() -> None:
    """0.94 and 0.98 share the last bin of fifteen: 0.96 sure, and one of two right."""
    probabilities = np.array([[0.94, 0.06], [0.98, 0.02]])

    assert metrics(np.array([0, 1]), probabilities)[CALIBRATION_ERROR] == pytest.approx(0.46)


def test_certain_photos_share_the_last_bin() -> None:
    """It is certain of one, wrongly, and 0.96 sure of the other: 0.98 sure, one of two right."""
    probabilities = np.array([[1.0, 0.0], [0.96, 0.04]])
    labels = np.array([1, 0])

    assert metrics(labels, probabilities)[CALIBRATION_ERROR] == pytest.approx(0.48)
    assert len(reliability(labels, probabilities)) == 1


def test_certain_and_right_model_has_no_calibration_error() -> None:
    labels = np.array([0, 1, 2])

    assert metrics(labels, np.eye(3))[CALIBRATION_ERROR] == 0
    assert reliability(labels, np.eye(3)) == [ConfidenceBin(1.0, 1.0, 3)]
