"""Tests of reading TFDV's statistics."""

from __future__ import annotations

import os

import numpy as np
import pytest
from photo_statistics import PHOTO, photos_of, statistics_of

from components.statistics_gen.split_statistics import SplitStatistics, Summary
from schemas import features


def test_photos_are_counted_by_class_in_the_order_of_the_names() -> None:
    photos = [*photos_of(2, label="b"), *photos_of(3, label="a"), *photos_of(1, label="ü c")]
    statistics = statistics_of(photos)

    assert statistics.photos == 6
    assert list(statistics.classes.items()) == [("a", 3), ("b", 2), ("ü c", 1)]


def test_more_classes_than_tfdv_lists_by_default_are_counted() -> None:
    photos = [PHOTO | {features.LABEL: f"class {n}"} for n in range(1200)]

    assert len(statistics_of(photos).classes) == 1200


def test_bytes_of_photos_are_not_counted() -> None:
    """They would be listed as the categories of a text."""
    photos = [PHOTO | {features.IMAGE: bytes([n]) * 1000} for n in range(20)]
    (image,) = (
        feature
        for feature in statistics_of(photos).proto.datasets[0].features
        if feature.path.step[0] == features.IMAGE
    )

    assert image.WhichOneof("stats") == "bytes_stats"
    assert image.bytes_stats.avg_num_bytes == 1000
    assert len(image.SerializeToString()) < 1000


def test_summary_and_quantiles_are_those_of_the_values() -> None:
    values = np.random.default_rng(0).permutation(np.arange(1, 402))
    statistics = statistics_of(PHOTO | {features.WIDTH: int(value)} for value in values)
    quantiles = statistics.quantiles(features.WIDTH)

    assert statistics.summary(features.WIDTH) == Summary(1, 201, 401)
    assert quantiles.shape == (51,)
    np.testing.assert_allclose(quantiles, np.linspace(1, 401, 51), atol=8)


def test_feature_that_no_photo_has_is_empty() -> None:
    statistics = statistics_of(photos_of(2))

    assert statistics.summary("no such") == Summary(0, 0, 0)
    assert statistics.quantiles("no such").size == 0


def test_statistics_are_read_as_statistics_gen_writes_them(tmp_path: os.PathLike[str]) -> None:
    folder = os.path.join(tmp_path, "Split-eval")
    os.mkdir(folder)
    with open(os.path.join(folder, "FeatureStats.pb"), "wb") as stream:
        stream.write(statistics_of(photos_of(7)).proto.SerializeToString())

    assert SplitStatistics.read(str(tmp_path), "eval").photos == 7


@pytest.mark.parametrize("count", [1, 2])
def test_few_photos_have_statistics_too(count: int) -> None:
    assert set(statistics_of(photos_of(count)).quantiles(features.BRIGHTNESS)) == {0.5}
