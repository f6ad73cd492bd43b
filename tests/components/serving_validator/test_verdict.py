"""Tests of the comparison of served answers with those of training."""

from __future__ import annotations

import math

import pytest

from components.serving_validator.verdict import TOLERANCE, Answers, compare

CLASSES = ["Kätz\nchen", "dog", "猫"]
WANTED = [[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]
LABELS = ["Kätz\nchen", "dog"]


def verdict(
    rows: list[list[float]], labels: list[str] = LABELS, tolerance: float = TOLERANCE
) -> tuple[str | None, float]:
    found = compare(["a.jpg", "b.jpg"], WANTED, Answers(labels, rows), CLASSES, tolerance)
    return found.reason, found.max_difference


def test_equal_answers_are_no_reason() -> None:
    assert verdict(WANTED) == (None, 0.0)


def test_last_bits_may_differ() -> None:
    reason, difference = verdict([[0.500001, 0.249999, 0.25], WANTED[1]])

    assert reason is None
    assert difference == pytest.approx(1e-6)


def test_largest_difference_is_named_with_photo_and_class() -> None:
    reason, difference = verdict([[0.5, 0.2501, 0.2499], [0.125, 0.5, 0.375]])

    assert reason == "b.jpg is 'dog' with 0.500000 when served, and with 0.750000 in training"
    assert difference == 0.25


def test_other_tolerance_forgives_more() -> None:
    assert verdict([[0.5, 0.251, 0.249], WANTED[1]], tolerance=0.01)[0] is None


@pytest.mark.parametrize(
    ("rows", "labels", "said"),
    [
        ([[math.nan, 0.5, 0.5], WANTED[1]], LABELS, "of a.jpg, a probability is no number"),
        (
            [WANTED[0], [0.125, 0.75, 0.25]],
            LABELS,
            "of b.jpg, the probabilities add up to 1.125000, the lowest being 0.125000",
        ),
        (
            [WANTED[0], [-0.25, 1.0, 0.25]],
            LABELS,
            "of b.jpg, the probabilities add up to 1.000000, the lowest being -0.250000",
        ),
        (
            WANTED,
            ["dog", "dog"],
            "of a.jpg, the label is 'dog', but the most probable class is 'Kätz\\nchen'",
        ),
    ],
    ids=["not a number", "sum", "negative", "label"],
)
def test_answer_that_contradicts_itself_is_a_reason(
    rows: list[list[float]], labels: list[str], said: str
) -> None:
    assert verdict(rows, labels) == (said, math.inf)


def test_label_may_be_any_of_equally_probable_classes() -> None:
    wanted = [[0.4, 0.4, 0.2]]

    for label in CLASSES[:2]:
        found = compare(["a.jpg"], wanted, Answers([label], wanted), CLASSES, TOLERANCE)
        assert found.reason is None
