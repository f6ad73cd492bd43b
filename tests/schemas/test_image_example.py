"""Tests of the curated schema, by what TFDV says of photos that contradict it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from photo_statistics import PHOTO, photos_of, statistics_of

# After TFX, which photo_statistics imports.
import tensorflow_data_validation as tfdv  # isort: skip

from schemas import features
from schemas.image_example import NUMERIC_FEATURES, STATISTICS_FEATURES, image_example_schema


def features_with_anomalies(photos: list[dict[str, Any]], *labels: str) -> set[str]:
    anomalies = tfdv.validate_statistics(statistics_of(photos).proto, image_example_schema(labels))
    return set(anomalies.anomaly_info)


def test_schema_describes_every_feature_of_the_statistics_as_required_single_value() -> None:
    schema = image_example_schema()

    assert [feature.name for feature in schema.feature] == list(STATISTICS_FEATURES)
    for feature in schema.feature:
        assert feature.presence.min_fraction == 1.0
        assert [dim.size for dim in feature.shape.dim] == [1]


def test_ordinary_photos_are_no_anomaly() -> None:
    assert features_with_anomalies(photos_of(5), "cat", "dog") == set()


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (features.WIDTH, 0),
        (features.HEIGHT, -1),
        (features.CHANNELS, 0),
        (features.CHANNELS, 5),
        (features.FILE_SIZE, 0),
        (features.ASPECT, -0.5),
        (features.BRIGHTNESS, -0.01),
        (features.BRIGHTNESS, 1.01),
        (features.BRIGHTNESS, math.nan),
        (features.CONTRAST, 0.51),
        (features.SHARPNESS, -0.1),
    ],
)
def test_value_that_no_photo_has_is_an_anomaly(feature: str, value: float) -> None:
    assert features_with_anomalies([*photos_of(4), PHOTO | {feature: value}]) == {feature}


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        (features.BRIGHTNESS, (0.0, 1.0)),
        (features.CONTRAST, (0.0, 0.5)),
        (features.CHANNELS, (1, 4)),
        (features.WIDTH, (1, 100_000)),
    ],
)
def test_smallest_and_largest_value_are_none(feature: str, values: tuple[float, float]) -> None:
    photos = [PHOTO | {feature: value} for value in values]

    assert features_with_anomalies(photos) == set()


@pytest.mark.parametrize("feature", [features.LABEL, *NUMERIC_FEATURES])
def test_missing_value_is_an_anomaly(feature: str) -> None:
    assert features_with_anomalies([*photos_of(4), PHOTO | {feature: None}]) == {feature}


def test_class_that_is_not_known_is_an_anomaly() -> None:
    assert features_with_anomalies(photos_of(3), "dog") == {features.LABEL}


def test_without_known_classes_any_class_is_right() -> None:
    assert features_with_anomalies(photos_of(3)) == set()
