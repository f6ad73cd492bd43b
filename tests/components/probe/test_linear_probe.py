"""Tests of the linear probe: what is held out, what is counted, and what is embedded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import samples
from components.backbone.loading import load_backbone, preprocess
from components.dataset.image_file import Inspection
from components.dataset.options import SurveyOptions
from components.dataset.survey import Photo, survey
from components.probe import linear_probe as module
from components.probe.linear_probe import (
    Candidate,
    Probe,
    ProbePhotos,
    candidate_at_default_size,
    embed_photos,
    held_out_correct,
    probe,
    probe_photos,
    recommended,
    usable_folds,
    wilson_interval,
)
from components.transform.preprocessing import decode_photo
from schemas.errors import DataError, ModelError

EMBEDDED = Candidate("MobileNetV2", "embedded", 160)
# The smallest at which MobileNetV2 can be built, for random weights: quick.
RANDOM = Candidate("MobileNetV2", "none", 32)
SEED = 42


def sample_photos(folder: Path, each: int = 12) -> ProbePhotos:
    """Copies photos of two classes of the sample."""
    for label in ("birds", "food"):
        (folder / label).mkdir(parents=True)
        for photo in sorted((samples.PHOTOS_FOLDER / label).iterdir())[:each]:
            shutil.copy(photo, folder / label)
    return probe_photos(str(folder), survey(str(folder), SurveyOptions()).photos)


def photo(path: str, digest: str) -> Photo:
    return Photo(path, path.split("/", maxsplit=1)[0], Inspection(digest, 0))


def result(name: str, right: int, *, seconds: float, megabytes: float) -> Probe:
    """Returns how a backbone did that recognised so many of 100 photos."""
    correct = np.arange(100) < right
    return Probe(Candidate(name, "imagenet", 224), correct, seconds, megabytes)


# From Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
# Medicine 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_interval_is_that_of_the_literature(
    successes: int, trials: int, interval: tuple[float, float]
) -> None:
    assert wilson_interval(successes, trials) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize("trials", range(1, 60))
def test_wilson_interval_of_all_or_none_ends_exactly_there(trials: int) -> None:
    assert wilson_interval(trials, trials)[1] == 1
    assert wilson_interval(0, trials)[0] == 0


def test_classes_that_lie_apart_are_all_recognised() -> None:
    draw = np.random.default_rng(1)
    labels = ["a", "b", "c"] * 20
    centres = np.eye(3, 8, dtype=np.float32) * 20
    embeddings = np.tile(centres, (20, 1)) + draw.normal(size=(60, 8)).astype(np.float32)

    assert held_out_correct(embeddings, labels, folds=5, seed=SEED).all()


def test_photo_that_is_asked_for_was_not_learnt_from() -> None:
    """Every photo has a channel of its own: one that was learnt would be recognised."""
    labels = ["a", "b"] * 30

    correct = held_out_correct(np.eye(60, dtype=np.float32), labels, folds=5, seed=SEED)

    # Without a channel in common there is nothing but guessing: 0.5, deviation 0.065.
    assert correct.mean() <= 0.7


def test_equal_seeds_give_equal_results() -> None:
    embeddings = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    labels = ["a", "b", "c"] * 20

    first, again, other = (
        held_out_correct(embeddings, labels, folds=3, seed=seed) for seed in (1, 1, 2)
    )

    assert (first == again).all()
    assert (first != other).any()


def test_tiny_and_constant_channels_are_no_obstacle() -> None:
    """A backbone with random weights gives embeddings of 1e-13 and some that are all equal."""
    labels = ["a", "b"] * 20
    embeddings = np.zeros((40, 3), np.float32)
    embeddings[::2, 0] = 1e-13

    assert held_out_correct(embeddings, labels, folds=5, seed=SEED).all()


def test_copies_of_a_photo_count_once() -> None:
    listed = [photo("a/1", "x"), photo("a/2", "y"), photo("a/3", "x"), photo("b/1", "z")]
    listed += [photo("b/2", "x"), photo("b/3", "w")]

    found = probe_photos("photos", listed)

    assert found.paths == ("a/1", "a/2", "b/1", "b/3")
    assert found.labels == ("a", "a", "b", "b")
    assert found.copies == 2


REFUSED = {
    "one class": (
        [photo("cat/1", "x"), photo("cat/2", "y")],
        "photos holds one class only, cat: a comparison needs photos of at least two classes, "
        "each in a folder of its own.",
    ),
    "one photo": (
        [photo("cat/1", "x"), photo("dog/1", "y"), photo("dog/2", "z")],
        "photos: each class needs at least 2 different photos, one to learn from and one to ask "
        "for, but there is 1 of cat; add photos or remove the class folder.",
    ),
    "one photo and its copy": (
        [photo("cat/1", "x"), photo("cat/2", "x"), photo("dog/1", "y"), photo("dog/2", "z")],
        "photos: each class needs at least 2 different photos, one to learn from and one to ask "
        "for, but there is 1 of cat; add photos or remove the class folder.",
    ),
}


@pytest.mark.parametrize(("listed", "said"), REFUSED.values(), ids=REFUSED)
def test_photos_that_cannot_be_compared_on_are_refused(listed: list[Photo], said: str) -> None:
    with pytest.raises(DataError) as refused:
        probe_photos("photos", listed)

    assert str(refused.value) == said


@pytest.mark.parametrize(("wanted", "usable"), [(2, 2), (3, 3), (5, 3)])
def test_folds_are_no_more_than_photos_of_the_smallest_class(wanted: int, usable: int) -> None:
    assert usable_folds(["a"] * 3 + ["b"] * 9, wanted) == usable


SMALL = result("Small", 93, seconds=9, megabytes=9)
LARGE = result("Large", 97, seconds=1, megabytes=90)
PICKS = {
    "small one within the interval": ([LARGE, SMALL], "Small"),
    "small one below the interval": (
        [LARGE, result("Small", 90, seconds=9, megabytes=9)],
        "Large",
    ),
    "equally small, the faster": ([SMALL, result("Fast", 93, seconds=1, megabytes=9)], "Fast"),
    "only one": ([LARGE], "Large"),
}


@pytest.mark.parametrize(("probes", "name"), PICKS.values(), ids=PICKS)
def test_pick_is_the_smallest_that_is_as_good_as_the_best(probes: list[Probe], name: str) -> None:
    # 97 of 100: Wilson's interval begins at 0.9155.
    assert recommended(probes).candidate.name == name


@pytest.mark.parametrize(
    ("name", "weights", "size"),
    [
        ("MobileNetV2", "embedded", 160),
        ("MobileNetV2", "imagenet", 224),
        ("EfficientNetB3", "none", 300),
    ],
)
def test_candidate_has_the_size_of_its_weights(name: str, weights: str, size: int) -> None:
    assert candidate_at_default_size(name, weights).image_size == size


def test_embedding_is_the_forward_pass_whatever_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = sample_photos(tmp_path, each=3)
    monkeypatch.setattr(module, "_BATCH_PIXELS", 4 * 160 * 160)

    embeddings, seconds, megabytes = embed_photos(EMBEDDED, photos)

    contents = [(tmp_path / path).read_bytes() for path in photos.paths]
    decoded = tf.stack([decode_photo(tf.constant(content), 160) for content in contents])
    backbone = load_backbone("MobileNetV2", "embedded", 160)
    direct = backbone(preprocess("MobileNetV2", tf.cast(decoded, tf.float32)), training=False)
    assert embeddings.shape == (6, 1280)
    # Graph and batch change the order of sums in float32.
    np.testing.assert_allclose(embeddings, direct, atol=1e-4)
    assert seconds > 0
    # 2,257,984 parameters of four bytes.
    assert megabytes == pytest.approx(9.032, abs=5e-4)


def test_photos_that_cannot_be_decoded_are_all_named(tmp_path: Path) -> None:
    sample_photos(tmp_path, each=2)
    names = ("birds/x.jpg", "food/y.jpg")
    for number, name in enumerate(names):
        Image.fromarray(np.full((9, 9, 3), 99 * number, np.uint8)).save(tmp_path / name)
    photos = probe_photos(str(tmp_path), survey(str(tmp_path), SurveyOptions()).photos)
    for name in names:  # Damaged meanwhile.
        (tmp_path / name).write_bytes(b"\xff\xd8\xff" + name.encode())

    with pytest.raises(DataError) as refused:
        embed_photos(RANDOM, photos)

    assert str(refused.value) == (
        f"{tmp_path}: 2 of 6 photos cannot be decoded; replace or remove them: birds/x.jpg, "
        "food/y.jpg."
    )


def test_weights_of_a_training_that_diverged_are_refused(tmp_path: Path) -> None:
    photos = sample_photos(tmp_path / "photos", each=2)
    backbone = load_backbone("MobileNetV2", "none", 32)
    backbone.set_weights([np.full_like(weight, np.nan) for weight in backbone.get_weights()])
    file = tmp_path / "diverged.weights.h5"
    backbone.save_weights(file)

    with pytest.raises(ModelError) as refused:
        probe(Candidate("MobileNetV2", str(file), 32), photos, folds=2, seed=SEED)

    assert str(refused.value) == (
        f"MobileNetV2 gives embeddings that are no numbers with the weights {file}; name weights "
        "that were trained to the end."
    )


def test_sample_photos_are_recognised(tmp_path: Path) -> None:
    photos = sample_photos(tmp_path)

    found = probe(EMBEDDED, photos, folds=4, seed=SEED)

    # 22 of 24 and more: birds and food are easily told apart.
    assert found.accuracy >= 0.9
    assert found.interval == wilson_interval(int(found.correct.sum()), 24)
