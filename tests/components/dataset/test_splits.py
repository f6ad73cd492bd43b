"""Tests of deciding the split of each photo."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from components.dataset.options import SurveyOptions
from components.dataset.splits import (
    default_buckets,
    hashed_keys,
    key_into,
    split_key,
    split_of,
    stratified_splits,
)
from schemas import features


def digests(count: int, seed: int = 11) -> list[str]:
    draw = random.Random(seed)
    return [draw.randbytes(32).hex() for _ in range(count)]


def hashed(of: list[str], groups: list[int] | None = None, seed: int = 42) -> list[str]:
    keys = hashed_keys(of, groups or list(range(len(of))), seed)
    return [split_of(key, default_buckets(0.2)) for key in keys]


@pytest.mark.parametrize("eval_fraction", [0.01, 0.2, 0.5, 0.9])
def test_split_agrees_with_tfx_for_many_digests(eval_fraction: float) -> None:
    import tensorflow as tf
    from google.protobuf import json_format
    from tfx.components.example_gen.base_example_gen_executor import _PartitionFn
    from tfx.proto import example_gen_pb2

    from components.image_example_gen.component import ImageExampleGen

    component = ImageExampleGen("photos", options=SurveyOptions(eval_fraction=eval_fraction))
    output = example_gen_pb2.Output()
    json_format.Parse(component.exec_properties["output_config"], output)
    splits = output.split_config.splits
    buckets = list(itertools.accumulate(split.hash_buckets for split in splits))
    keys = [split_key(digest, 7) for digest in digests(5000)]
    keys += [key_into(name, (("train", 1), ("eval", 1), ("test", 1))) for name in ("train", "test")]
    for key in keys:
        example = tf.train.Example()
        example.features.feature[features.SPLIT_KEY].bytes_list.value.append(key.encode())
        chosen = _PartitionFn(example, len(splits), buckets, output.split_config)
        assert split_of(key, default_buckets(eval_fraction)) == splits[chosen].name


def test_share_of_evaluation_photos_is_near_what_was_asked() -> None:
    splits = hashed(digests(10_000))

    # Four standard deviations of a binomial: 4 * sqrt(0.2 * 0.8 / 10,000) = 0.016.
    assert splits.count(features.EVAL) / len(splits) == pytest.approx(0.2, abs=0.016)


def test_another_seed_divides_differently() -> None:
    assert hashed(digests(100), seed=1) != hashed(digests(100), seed=2)


def test_groups_are_never_divided() -> None:
    groups = [number // 3 * 3 for number in range(300)]

    splits = hashed(digests(300), groups)

    assert all(len(set(splits[n : n + 3])) == 1 for n in range(0, 300, 3))


def test_no_photo_ever_moves_from_evaluation_into_training() -> None:
    """Whatever joins its group, or links it with another group."""
    draw = random.Random(3)
    of = digests(400)
    groups = list(range(200))
    before = hashed(of[:200], groups)
    for number in range(200, 400):
        groups.append(draw.randrange(number + 1))
        groups[-1] = number if groups[-1] == number else groups[groups[-1]]
        if draw.random() < 0.1:  # It links two groups.
            one, other = groups[-1], groups[draw.randrange(number)]
            groups = [min(one, other) if group in {one, other} else group for group in groups]
        after = hashed(of[: number + 1], groups)
        moved = [n for n, split in enumerate(before) if split == features.EVAL != after[n]]
        assert moved == []
        before = after


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_stratified_splits_have_the_share_of_each_class(share: float) -> None:
    labels = ["cat"] * 50 + ["dog"] * 20 + ["rare"] * 2

    splits = stratified_splits(digests(72), labels, list(range(72)), eval_fraction=share, seed=1)

    counts = Counter(zip(labels, splits, strict=True))
    assert counts["cat", features.EVAL] == 50 * share
    assert counts["dog", features.EVAL] == 20 * share
    assert counts["rare", features.EVAL] == counts["rare", features.TRAIN] == 1


def test_stratified_splits_keep_groups_together() -> None:
    groups = [number // 4 * 4 for number in range(40)]

    splits = stratified_splits(digests(40), ["cat"] * 40, groups, eval_fraction=0.2, seed=1)

    assert all(len(set(splits[n : n + 4])) == 1 for n in range(0, 40, 4))
    assert splits.count(features.EVAL) == 8


def test_key_into_leads_to_every_split() -> None:
    buckets = {"train": 990, "eval": 9, "test": 1}

    for split in buckets:
        assert split_of(key_into(split, tuple(buckets.items())), buckets) == split
