"""Tests of what makes an exported model near enough to the SavedModel."""

from __future__ import annotations

import numpy as np
import pytest

from components.model_export.agreement import LIMITS, Agreement, compare, reason_to_refuse

EXPECTED = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)


def test_equal_probabilities_agree_in_everything() -> None:
    assert compare(EXPECTED, EXPECTED.copy()) == Agreement(4, 1.0, 0.0)


def test_another_label_and_the_largest_difference_are_found() -> None:
    found = EXPECTED.copy()
    found[2] = [0.35, 0.65]

    agreement = compare(EXPECTED, found)

    assert (agreement.photos, agreement.same_labels) == (4, 0.75)
    assert agreement.max_difference == pytest.approx(0.25)


@pytest.mark.parametrize(("quantization", "near"), [("none", 0.004), ("float16", 0.019)])
def test_probabilities_within_the_limit_are_fine_and_beyond_refused(
    quantization: str, near: float
) -> None:
    limits = LIMITS[quantization]

    assert reason_to_refuse(Agreement(50, 0.98, near), limits) is None
    assert reason_to_refuse(Agreement(50, 1.0, near + 0.002), limits) == (
        f"its probabilities differ from the SavedModel's by up to {near + 0.002:g} on 50 photos, "
        f"and may by {limits.difference:g}"
    )


def test_answers_that_are_no_numbers_are_refused() -> None:
    agreement = compare(EXPECTED, np.full_like(EXPECTED, np.nan))

    assert reason_to_refuse(agreement, LIMITS["none"]) == (
        "its probabilities differ from the SavedModel's by up to nan on 4 photos, and may by 0.005"
    )


@pytest.mark.parametrize(
    ("photos", "differing", "refused"),
    [(23, 1, False), (23, 2, True), (85, 1, False), (100, 2, False), (100, 3, True)],
)
def test_int8_is_judged_by_labels_and_one_photo_may_differ(
    photos: int, differing: int, refused: bool
) -> None:
    agreement = Agreement(photos, 1 - differing / photos, 0.4)

    reason = reason_to_refuse(agreement, LIMITS["int8"])

    allowed = max(1, photos // 50)
    assert reason == (
        f"it labels {differing} of {photos} photos unlike the SavedModel, and may {allowed}"
        if refused
        else None
    )
