"""Tests of the random changes to photos: what they depend on, and how far they go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.embedder.augmentation import Augmentation, augment, photo_identities

SIZE = 32
COUNT = 6

NOTHING = Augmentation(
    rotation=0.0, width_shift=0.0, height_shift=0.0, horizontal_flip=False, seed=1
)
ALL = Augmentation(rotation=20.0, width_shift=0.2, height_shift=0.1, horizontal_flip=True, seed=1)


def only(**changes: Any) -> Augmentation:
    return Augmentation(**{**vars(NOTHING), **changes})


def photos(count: int = COUNT) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)


def names(count: int = COUNT) -> list[bytes]:
    """Returns what stands for the files of the photos."""
    return [b"photo %d" % number for number in range(count)]


def view(
    pixels: np.ndarray, files: list[bytes], number: int, augmentation: Augmentation = ALL
) -> np.ndarray:
    identities = photo_identities(tf.constant(files))
    return augment(tf.constant(pixels), identities, tf.constant(number), augmentation).numpy()


def test_view_zero_is_the_photo() -> None:
    made = view(photos(), names(), 0)

    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, photos())


def test_view_is_the_same_in_whatever_batch_it_is_made() -> None:
    together = view(photos(), names(), 2)
    backwards = view(photos()[::-1], names()[::-1], 2)[::-1]
    alone = [view(photos()[i : i + 1], names()[i : i + 1], 2)[0] for i in range(COUNT)]

    np.testing.assert_array_equal(together, backwards)
    np.testing.assert_array_equal(together, np.stack(alone))


def test_view_is_the_same_in_a_graph() -> None:
    compiled = tf.function(
        lambda pixels, files, number: augment(pixels, photo_identities(files), number, ALL)
    )
    made = compiled(tf.constant(photos()), tf.constant(names()), tf.constant(2))

    # The last bits of sine and cosine differ between the two.
    np.testing.assert_allclose(made, view(photos(), names(), 2), atol=0.05)


def test_view_does_not_depend_on_tensorflows_own_seed() -> None:
    tf.random.set_seed(1)
    first = view(photos(), names(), 1)
    tf.random.set_seed(2)

    np.testing.assert_array_equal(view(photos(), names(), 1), first)


def test_views_of_a_photo_differ() -> None:
    made = [view(photos(), names(), number) for number in range(4)]

    for one in range(4):
        for other in range(one):
            assert all(np.abs(made[one] - made[other]).mean(axis=(1, 2, 3)) > 1)


def test_another_seed_makes_other_views() -> None:
    other = Augmentation(**{**vars(ALL), "seed": 2})

    difference = view(photos(), names(), 1) - view(photos(), names(), 1, other)
    assert all(np.abs(difference).mean(axis=(1, 2, 3)) > 1)


def test_another_photo_is_changed_in_another_way() -> None:
    same = np.repeat(photos(1), COUNT, axis=0)

    made = view(same, names(), 1)
    assert len({pixels.tobytes() for pixels in made}) == COUNT


def test_identities_tell_photos_apart_and_stay() -> None:
    identities = photo_identities(tf.constant(names(1000))).numpy()

    assert len(set(identities)) == 1000
    # FarmHash is the same on every machine, so views made on another can be used again.
    assert identities[0] == b"2281326921230996615"


def test_half_of_many_are_mirrored() -> None:
    count = 1000
    pixels = np.zeros((count, 4, 4, 3), np.uint8)
    pixels[:, :, 0] = 255

    made = view(pixels, names(count), 1, only(horizontal_flip=True))

    mirrored = np.all(made == pixels[:, :, ::-1], axis=(1, 2, 3))
    kept = np.all(made == pixels, axis=(1, 2, 3))
    assert np.all(mirrored ^ kept)
    # Of 1,000 fair coins 500 ± 63 show heads but once in 10,000 times.
    assert abs(mirrored.sum() - 500) <= 63


def test_nothing_to_change_leaves_the_photo() -> None:
    np.testing.assert_array_equal(view(photos(), names(), 1, NOTHING), photos())


def spots(made: np.ndarray) -> np.ndarray:
    """Returns row and column of the centre of light of each photo."""
    light = made.sum(axis=-1)
    grid = np.mgrid[0:SIZE, 0:SIZE].reshape(2, 1, SIZE, SIZE)
    return (light * grid).sum(axis=(2, 3)) / light.sum(axis=(1, 2))


def with_a_spot(count: int) -> np.ndarray:
    pixels = np.zeros((count, SIZE, SIZE, 3), np.uint8)
    pixels[:, 15:17, 15:17] = 240
    return pixels


@pytest.mark.parametrize(("setting", "axis"), [("height_shift", 0), ("width_shift", 1)])
def test_shift_stays_within_its_share_and_uses_all_of_it(setting: str, axis: int) -> None:
    made = view(with_a_spot(300), names(300), 1, only(**{setting: 0.25}))

    moved = spots(made) - 15.5
    limit = 0.25 * SIZE
    assert np.abs(moved[1 - axis]).max() < 0.01
    assert np.abs(moved[axis]).max() <= limit + 0.01
    assert moved[axis].max() > 0.9 * limit
    assert moved[axis].min() < -0.9 * limit
    # The mean of 300 even draws has a deviation of limit / 30.
    assert abs(moved[axis].mean()) < 0.15 * limit


def test_rotation_stays_within_its_angle_around_the_centre() -> None:
    pixels = np.zeros((300, SIZE, SIZE, 3), np.uint8)
    pixels[:, 15:17, 27:29] = 240  # 12 pixels right of the centre.

    down, right = spots(view(pixels, names(300), 1, only(rotation=30.0))) - 15.5

    angles = np.degrees(np.arctan2(down, right))
    assert np.hypot(down, right) == pytest.approx(12, abs=0.2)
    assert np.abs(angles).max() <= 30.5
    assert angles.max() > 27
    assert angles.min() < -27


def test_gaps_are_filled_with_the_nearest_pixel() -> None:
    grey = np.full((COUNT, SIZE, SIZE, 3), 77, np.uint8)

    made = view(grey, names(), 1)

    assert made.shape == grey.shape
    np.testing.assert_allclose(made, 77, atol=1e-3)


def test_view_stays_in_the_range_of_the_photo() -> None:
    made = view(photos(), names(), 3)

    assert made.min() >= 0
    assert made.max() <= 255
