"""Tests of the parts that photos are divided into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from components.evaluator.answers import Answers
from components.evaluator.slices import (
    ASPECT,
    BRIGHTNESS,
    FOLDER,
    SIZE,
    SLICES,
    in_order,
    slices_of,
)


def photos(
    paths: Sequence[str] = (),
    labels: Sequence[int] = (),
    *,
    brightness: Sequence[float] = (),
    sizes: Sequence[tuple[int, int]] = (),
) -> Answers:
    """Returns photos that differ in what is given only."""
    count = max(map(len, (paths, labels, brightness, sizes)))
    wide, high = zip(*(sizes or [(100, 100)] * count), strict=True)
    width, height = np.array(wide, np.float64), np.array(high, np.float64)
    return Answers(
        classes=["cat", "dog"],
        paths=list(paths) or [f"{number}.jpg" for number in range(count)],
        labels=np.array(labels or [0] * count, np.int64),
        features={
            "brightness": np.array(brightness or [0.5] * count),
            "width": width,
            "height": height,
            "aspect": width / height,
        },
        probabilities=np.full((count, 2), 0.5, np.float32),
        baseline=None,
    )


def counted(answers: Answers, feature: str) -> dict[str, int]:
    """Returns how many photos are in each slice of a feature."""
    return dict(Counter(slices_of(answers, [feature])[feature].tolist()))


def test_brightness_is_divided_into_thirds() -> None:
    names = slices_of(photos(brightness=np.linspace(0, 1, 13).tolist()), [BRIGHTNESS])[BRIGHTNESS]

    # Limits belong to the middle.
    assert names.tolist() == ["below 0.333"] * 4 + ["0.333 to 0.667"] * 5 + ["above 0.667"] * 4


def test_size_is_divided_into_thirds_of_megapixels() -> None:
    sizes = [(1000, 1000)] * 5 + [(2000, 2000)] * 5 + [(4000, 3000)] * 5

    assert counted(photos(sizes=sizes), SIZE) == {
        "below 3 MP": 5,
        "3 MP to 6.67 MP": 5,
        "above 6.67 MP": 5,
    }


def test_few_photos_of_another_size_are_told_from_those_of_a_fixed_camera() -> None:
    sizes = [(640, 480)] * 20 + [(320, 240)] * 2 + [(1600, 1200)]

    assert counted(photos(sizes=sizes), SIZE) == {
        "0.307 MP": 20,
        "below 0.307 MP": 2,
        "above 0.307 MP": 1,
    }


def test_photos_that_all_agree_are_not_divided() -> None:
    assert slices_of(photos(brightness=[0.5] * 30), SLICES) == {}


def test_fewer_than_twelve_photos_are_not_divided_into_thirds() -> None:
    varied = np.linspace(0, 1, 12).tolist()

    assert slices_of(photos(brightness=varied[:11]), [BRIGHTNESS]) == {}
    assert len(counted(photos(brightness=varied), BRIGHTNESS)) == 3


def test_aspects_are_upright_about_square_and_wide() -> None:
    sizes = [(4, 5), (9, 10), (10, 10), (11, 10), (5, 4), (4, 3)]

    names = slices_of(photos(sizes=sizes), [ASPECT])[ASPECT]

    assert names.tolist() == ["upright", *["about square"] * 3, "wide", "wide"]


def test_class_folders_are_no_slices_of_their_own() -> None:
    paths = ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"]

    assert slices_of(photos(paths, [0, 0, 1]), [FOLDER]) == {}


def test_folders_within_classes_and_of_sources_are_slices() -> None:
    within = photos(["cat/indoors/1.jpg", "cat/2.jpg", "dog/1.jpg"], [0, 0, 1])
    sources = photos(["monday/1.jpg", "monday/2.jpg", "3.jpg"], [0, 1, 1])

    assert counted(within, FOLDER) == {"cat/indoors": 1, "cat": 1, "dog": 1}
    assert counted(sources, FOLDER) == {"monday": 2, ".": 1}


@pytest.mark.parametrize("name", ["Vögel\n& co", "a=b,c;'d'", "<b>", "1.0", "nan", " "])
def test_folder_of_any_name_is_a_slice(name: str) -> None:
    assert counted(photos([f"{name}/1.jpg", "x/2.jpg"], [0, 0]), FOLDER) == {name: 1, "x": 1}


def test_of_very_many_folders_the_largest_are_told_apart() -> None:
    paths = [f"{number:03}/{photo}.jpg" for number in range(60) for photo in range(1 + number % 2)]

    slices = counted(photos(paths, [0] * len(paths)), FOLDER)

    assert len(slices) == 51
    assert slices["other folders"] == 10
    assert all(slices[f"{number:03}"] == 2 for number in range(1, 60, 2))


def test_only_what_is_wanted_is_divided() -> None:
    answers = photos(["a/1.jpg", "b/1.jpg"], sizes=[(1, 2), (2, 1)])

    assert slices_of(answers, []) == {}
    assert set(slices_of(answers, [ASPECT])) == {ASPECT}
    assert set(slices_of(answers, SLICES)) == {ASPECT, FOLDER}


def test_slices_are_in_the_order_of_what_they_hold() -> None:
    thirds = ["above 2", "below 1", "1 to 2"]

    assert in_order(thirds) == ["below 1", "1 to 2", "above 2"]
    assert in_order([*thirds, *thirds]) == in_order(thirds)
    assert in_order(["wide", "upright", "about square"]) == ["about square", "upright", "wide"]
    assert in_order([]) == []
