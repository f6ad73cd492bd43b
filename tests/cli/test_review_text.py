"""Tests of how two runs are told apart in one line."""

from __future__ import annotations

import pytest

from cli.review_text import _gain
from review.results import Metric, gains

OLD = Metric(0.8, (0.7, 0.88))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (
            Metric(0.85, (0.75, 0.92)),
            "balanced accuracy 0.800 (0.700 to 0.880) → 0.850 (0.750 to 0.920): "
            "+0.050, within noise",
        ),
        (
            Metric(0.5, (0.4, 0.6)),
            "balanced accuracy 0.800 (0.700 to 0.880) → 0.500 (0.400 to 0.600): "
            "-0.300, more than noise",
        ),
        (Metric(0.9, None), "balanced accuracy 0.800 (0.700 to 0.880) → 0.900: +0.100"),
        (None, "balanced accuracy 0.800 (0.700 to 0.880) → not recorded"),
    ],
)
def test_gain_of_a_metric_says_whether_chance_explains_it(new: Metric | None, said: str) -> None:
    (gain,) = gains({"balanced_accuracy": OLD}, {"balanced_accuracy": new} if new else {})

    assert _gain(gain) == said
