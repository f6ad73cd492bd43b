"""Tests of comparing statistics, with TFDV: false alarms, another camera, and the sentences."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from photo_statistics import PHOTO, photos_of, statistics_of
from PIL import Image, ImageEnhance

import samples
from components.dataset.image_file import inspect
from components.dataset.options import MAX_PIXELS
from components.distribution_validator.comparison import drift, skew
from schemas import features


def measured(change: Callable[[bytes], bytes] = bytes) -> list[dict[str, Any]]:
    """Returns what ImageExampleGen measures of the sample photos."""
    photos = []
    for file in sorted(samples.PHOTOS_FOLDER.glob("*/*.jpg")):
        seen = inspect(change(file.read_bytes()), MAX_PIXELS)
        photos.append(
            PHOTO
            | {
                features.LABEL: file.parent.name,
                features.WIDTH: seen.width,
                features.HEIGHT: seen.height,
                features.ASPECT: seen.width / seen.height,
                features.CHANNELS: seen.channels,
                features.BRIGHTNESS: seen.brightness,
                features.CONTRAST: seen.contrast,
                features.SHARPNESS: seen.sharpness,
                features.FILE_SIZE: seen.size,
            }
        )
    return photos


def other_camera(content: bytes) -> bytes:
    """Returns a photo at half the size, 40 % darker."""
    with Image.open(io.BytesIO(content)) as photo:
        small = photo.convert("RGB").resize((photo.width // 2, photo.height // 2))
    stream = io.BytesIO()
    ImageEnhance.Brightness(small).enhance(0.6).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def photos() -> list[dict[str, Any]]:
    return measured()


def divided(photos: list[dict[str, Any]], others: list[dict[str, Any]], seed: int) -> Any:
    """Divides at random; those for evaluation are taken from the others."""
    chosen = np.random.default_rng(seed).random(len(photos)) < 0.2
    training = [photo for photo, is_eval in zip(photos, chosen, strict=True) if not is_eval]
    evaluation = [photo for photo, is_eval in zip(others, chosen, strict=True) if is_eval]
    return statistics_of(evaluation), statistics_of(training)


@pytest.mark.parametrize("seeds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_random_division_of_the_sample_photos_is_no_skew(
    photos: list[dict[str, Any]], seeds: int
) -> None:
    """With the strictest threshold: that some photos differ by chance is all that saves them."""
    alarms = 0
    for seed in range(seeds):
        evaluation, training = divided(photos, photos, seed)
        alarms += bool(skew("eval", evaluation, training, 0.0).anomaly_info)
    assert alarms <= seeds // 20


def test_evaluation_photos_of_another_camera_are_found(photos: list[dict[str, Any]]) -> None:
    others = measured(other_camera)
    for seed in range(2):
        found = skew("eval", *divided(photos, others, seed), 0.1).anomaly_info
        assert set(found) >= {"width", "height", "brightness", "file_size"}
        assert not {"channels", "aspect", "label"} & set(found)


def shades(count: int, low: float, high: float) -> list[dict[str, Any]]:
    return [PHOTO | {features.BRIGHTNESS: float(b)} for b in np.linspace(low, high, count)]


def test_skew_says_what_by_how_much_and_what_to_do() -> None:
    anomalies = skew(
        "eval", statistics_of(shades(31, 0.1, 0.3)), statistics_of(shades(101, 0.5, 0.9)), 0.25
    )
    ((feature, info),) = anomalies.anomaly_info.items()

    assert feature == "brightness"
    assert info.description == (
        "Brightness of the evaluation photos differs from that of the training photos: median 0.2 "
        "(0.1 to 0.3), not 0.7 (0.5 to 0.9) (Jensen-Shannon divergence 1.00, above "
        "statistics.skew.max_distance = 0.25). Another camera, light or size? Then put photos of "
        "both kinds into both splits, or raise the threshold."
    )


def test_difference_up_to_the_threshold_is_none() -> None:
    now, then = statistics_of(shades(500, 0.1, 0.5)), statistics_of(shades(500, 0.2, 0.6))
    (found,) = skew("test", now, then, 0.0).anomaly_info.values()

    assert "Brightness of the test photos differs" in found.description
    assert not skew("test", now, then, 1.0).anomaly_info


def test_shares_of_classes_that_differ_are_skew() -> None:
    now = statistics_of([*photos_of(5), *photos_of(45, label="dog")])
    then = statistics_of([*photos_of(100), *photos_of(100, label="dog")])
    (info,) = skew("eval", now, then, 0.1).anomaly_info.values()

    assert info.description.startswith(
        "Label of the evaluation photos differs from that of the training photos: 10% are cat, "
        "not 50% (Jensen-Shannon divergence 0.15, above"
    )


def test_value_out_of_range_is_left_to_example_validator() -> None:
    now = statistics_of([*photos_of(9), PHOTO | {features.CHANNELS: 7}])

    assert not skew("eval", now, statistics_of(photos_of(40)), 0.1).anomaly_info


def test_same_photos_have_not_drifted() -> None:
    statistics = statistics_of(shades(50, 0.2, 0.8))

    assert not drift(statistics, statistics, 0.0).anomaly_info


def test_classes_that_came_and_went_are_named() -> None:
    now = statistics_of([*photos_of(40), *photos_of(1, label="dgo")])
    then = statistics_of([*photos_of(40), *photos_of(2, label="eel"), *photos_of(1, label="fox")])
    (info,) = drift(now, then, 0.1).anomaly_info.values()

    assert [reason.description for reason in info.reason] == [
        "Class dgo (1 training photo) is new since the latest run on other photos. A misspelt "
        "folder? Rename it; else nothing is to be done, but models pushed before do not know it.",
        "Classes eel (2 training photos), fox (1 training photo) are missing, which the latest "
        "run on other photos had. Put the photos back unless that is meant: the new model never "
        "says them.",
    ]


def test_drift_says_since_when_and_which_key() -> None:
    now, then = statistics_of(shades(51, 0.1, 0.2)), statistics_of(shades(51, 0.6, 0.7))
    (info,) = drift(now, then, 0.1).anomaly_info.values()

    assert info.description.startswith(
        "Brightness of the training photos has drifted since the latest run on other photos: "
        "median 0.15 (0.1 to 0.2), not 0.65 (0.6 to 0.7) (Jensen-Shannon divergence 1.00, above "
        "statistics.drift.max_distance = 0.1)."
    )
