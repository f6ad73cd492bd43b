"""Compares what an exported model answers with what the SavedModel does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.model_export.formats import FLOAT16, INT8, NONE
from components.serving_validator.verdict import HALF_PRECISION_TOLERANCE


@dataclass(frozen=True)
class Limits:
    """How far an exported model may be from the SavedModel; None where it does not matter.

    Attributes:
        difference: between two probabilities.
        differing_labels: share of photos with another label; one photo always may have one.
    """

    difference: float | None = None
    differing_labels: float | None = None


LIMITS = {
    # With probabilities this near, labels differ only between classes that are as good as equally
    # probable. The SavedModel of a classifier that was trained with 16 bits needs as much itself.
    NONE: Limits(difference=HALF_PRECISION_TOLERANCE),
    # Each weight has a mantissa of 11 bits: on sample photos 0.004.
    FLOAT16: Limits(difference=0.02),
    # All layers round to 256 steps, and probabilities drift by 0.1; what counts is the label.
    INT8: Limits(differing_labels=0.02),
}


@dataclass(frozen=True)
class Agreement:
    """How near an exported model is to the SavedModel.

    Attributes:
        photos: how many were asked about.
        same_labels: share of them that get the same label, in [0, 1].
        max_difference: the largest between two probabilities that should be equal.
    """

    photos: int
    same_labels: float
    max_difference: float


def compare(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """Compares probabilities.

    Args:
        expected: float32 (photos, classes), of the SavedModel.
        found: the same of the exported model.
    """
    same = expected.argmax(axis=1) == found.argmax(axis=1)
    difference = np.max(np.abs(expected - found))
    return Agreement(len(expected), float(np.mean(same)), float(difference))


def reason_to_refuse(agreement: Agreement, limits: Limits) -> str | None:
    """Tells what is wrong with an exported model, as the end of a sentence, or None."""
    # Refused, too, if it is no number.
    if limits.difference is not None and not agreement.max_difference <= limits.difference:
        return (
            f"its probabilities differ from the SavedModel's by up to "
            f"{agreement.max_difference:.3g} on {agreement.photos} photos, and may by "
            f"{limits.difference:g}"
        )
    if limits.differing_labels is not None:
        differing = round(agreement.photos * (1 - agreement.same_labels))
        allowed = max(1, int(agreement.photos * limits.differing_labels))
        if differing > allowed:
            return (
                f"it labels {differing} of {agreement.photos} photos unlike the SavedModel, and "
                f"may {allowed}"
            )
    return None
