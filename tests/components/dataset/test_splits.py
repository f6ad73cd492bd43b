"""Tests of deciding the split of each photo."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.dataset.options import SurveyOptions
from components.dataset.splits import (
    SPLIT_BUCKETS,
    bucket_of,
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


FRACTIONS = st.floats(0.01, 0.9)
SEEDS = st.integers(0, 2**63 - 1)
DIGESTS = st.binary(min_size=4, max_size=4).map(bytes.hex)


@st.composite
def pictures(draw: st.DrawFn) -> list[list[tuple[str, str]]]:
    """Returns some pictures: of each, its copies with their contents and their one label."""
    sizes = draw(st.lists(st.integers(1, 4), max_size=12))
    contents = draw(st.lists(DIGESTS, min_size=sum(sizes), max_size=sum(sizes), unique=True))
    labels = draw(st.lists(st.sampled_from("ab"), min_size=len(sizes), max_size=len(sizes)))
    left = iter(contents)
    return [
        [(content, label) for content in itertools.islice(left, size)]
        for size, label in zip(sizes, labels, strict=True)
    ]


def grouped(photos: list[tuple[str, str]], copies: list[list[tuple[str, str]]]) -> list[int]:
    """Returns of each photo the number of the first of its picture, as `duplicate_groups` does."""
    picture = {photo: number for number, group in enumerate(copies) for photo in group}
    first: dict[int, int] = {}
    return [first.setdefault(picture[photo], number) for number, photo in enumerate(photos)]


def hashed_by_photo(
    copies: list[list[tuple[str, str]]], order: list[tuple[str, str]], share: float, seed: int
) -> dict[tuple[str, str], str]:
    keys = hashed_keys([digest for digest, _ in order], grouped(order, copies), seed)
    splits = [split_of(key, default_buckets(share)) for key in keys]
    return dict(zip(order, splits, strict=True))


def stratified_by_photo(
    copies: list[list[tuple[str, str]]], order: list[tuple[str, str]], share: float, seed: int
) -> dict[tuple[str, str], str]:
    splits = stratified_splits(
        [digest for digest, _ in order],
        [label for _, label in order],
        grouped(order, copies),
        eval_fraction=share,
        seed=seed,
    )
    return dict(zip(order, splits, strict=True))


@pytest.mark.parametrize("divided", [hashed_by_photo, stratified_by_photo])
@given(data=st.data(), copies=pictures(), share=FRACTIONS, seed=SEEDS)
def test_order_of_the_photos_does_not_matter_and_copies_stay_together(
    divided: Any, data: st.DataObject, copies: list[list[tuple[str, str]]], share: float, seed: int
) -> None:
    photos = [photo for group in copies for photo in group]
    shuffled = data.draw(st.permutations(photos))

    splits = divided(copies, photos, share, seed)

    assert divided(copies, shuffled, share, seed) == splits
    assert set(splits.values()) <= {features.TRAIN, features.EVAL}
    assert all(len({splits[photo] for photo in group}) == 1 for group in copies)


@given(before=pictures(), added=pictures(), share=FRACTIONS, seed=SEEDS)
def test_photos_that_are_added_move_none(
    before: list[list[tuple[str, str]]],
    added: list[list[tuple[str, str]]],
    share: float,
    seed: int,
) -> None:
    known = [photo for group in before for photo in group]
    new = [[photo for photo in group if photo not in known] for group in added]
    after = [*before, *(group for group in new if group)]
    photos = [photo for group in after for photo in group]

    splits = hashed_by_photo(before, known, share, seed)

    later = hashed_by_photo(after, photos, share, seed)
    assert {photo: later[photo] for photo in known} == splits


@given(data=st.data(), copies=pictures(), share=FRACTIONS, seed=SEEDS)
def test_pictures_that_turn_out_to_be_one_are_evaluated_with_if_one_of_them_was(
    data: st.DataObject, copies: list[list[tuple[str, str]]], share: float, seed: int
) -> None:
    photos = [photo for group in copies for photo in group]
    cut = data.draw(st.integers(0, len(copies)))
    joined = [photo for group in copies[:cut] for photo in group]

    before = hashed_by_photo(copies, photos, share, seed)
    after = hashed_by_photo([joined, *copies[cut:]], photos, share, seed)

    were = {before[photo] for photo in joined}
    assert {after[photo] for photo in joined} == (were & {features.EVAL} or were)
    assert all(after[photo] == before[photo] for photo in photos if photo not in joined)


@given(copies=pictures(), share=FRACTIONS, seed=SEEDS)
def test_stratified_share_is_missed_by_less_than_a_picture_and_neither_side_is_empty(
    copies: list[list[tuple[str, str]]], share: float, seed: int
) -> None:
    splits = stratified_by_photo(copies, [p for group in copies for p in group], share, seed)

    for label in {label for group in copies for _, label in group}:
        of_class = [group for group in copies if group[0][1] == label]
        sides = {splits[group[0]] for group in of_class}
        assert features.TRAIN in sides
        assert (features.EVAL in sides) == (len(of_class) > 1)
        evaluated = sum(len(group) for group in of_class if splits[group[0]] == features.EVAL)
        wanted = max(1, round(share * sum(map(len, of_class))))
        assert evaluated < wanted + max(map(len, of_class))
        if all(len(group) == 1 for group in of_class):
            assert evaluated == min(wanted, len(of_class) - 1)


@given(share=FRACTIONS, seed=SEEDS)
def test_hashed_share_holds_for_any_seed(share: float, seed: int) -> None:
    keys = hashed_keys(digests(500), list(range(500)), seed)
    splits = [split_of(key, default_buckets(share)) for key in keys]

    # Five standard deviations of a binomial, and the share is rounded to a thousandth.
    tolerance = 5 * (share * (1 - share) / 500) ** 0.5 + 0.001
    assert splits.count(features.EVAL) / 500 == pytest.approx(share, abs=tolerance)


@given(share=FRACTIONS)
def test_buckets_are_as_many_for_any_share(share: float) -> None:
    buckets = default_buckets(share)

    assert sum(buckets.values()) == SPLIT_BUCKETS
    assert abs(buckets[features.EVAL] - share * SPLIT_BUCKETS) <= 0.5


@given(
    key=st.text("0123456789abcdef", min_size=1, max_size=64),
    widths=st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any),
)
def test_photo_falls_in_the_split_that_its_bucket_belongs_to(key: str, widths: list[int]) -> None:
    buckets = {f"split {number}": width for number, width in enumerate(widths)}
    owners = [split for split, width in buckets.items() for _ in range(width)]

    assert split_of(key, buckets) == owners[bucket_of(key, len(owners))]


@given(widths=st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_key_into_a_split_falls_in_it(widths: list[int]) -> None:
    buckets = tuple((f"split {number}", width) for number, width in enumerate(widths))

    for split, _ in buckets:
        assert split_of(key_into(split, buckets), dict(buckets)) == split
