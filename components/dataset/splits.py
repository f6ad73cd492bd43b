"""Decides the split of each photo, so that it stays where it is when others are added."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate, chain

from schemas import features

HASHED = "hashed"
STRATIFIED = "stratified"

# Resolution of the split: the evaluation share is rounded to thousandths.
SPLIT_BUCKETS = 1000


def eval_buckets(eval_fraction: float) -> int:
    """Returns how many of `SPLIT_BUCKETS` buckets are for evaluation."""
    return round(eval_fraction * SPLIT_BUCKETS)


def default_buckets(eval_fraction: float) -> dict[str, int]:
    """Returns the number of hash buckets of each split, training first."""
    evaluation = eval_buckets(eval_fraction)
    return {features.TRAIN: SPLIT_BUCKETS - evaluation, features.EVAL: evaluation}


def split_key(digest: str, seed: int) -> str:
    """Returns the partition feature of a photo: a hash of seed and content, in hex."""
    return hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


def bucket_of(key: str, buckets: int) -> int:
    """Returns the bucket that TFX's ExampleGen puts a partition feature in.

    It is SHA-256 of the serialized feature, modulo the number of buckets
    (tfx/components/example_gen/base_example_gen_executor.py, `_PartitionFn`).
    """
    encoded = key.encode()
    # A tf.train.Feature with one bytes value in protobuf's wire format, built without TensorFlow.
    bytes_list = b"\x0a" + bytes([len(encoded)]) + encoded
    feature = b"\x0a" + bytes([len(bytes_list)]) + bytes_list
    return int(hashlib.sha256(feature).hexdigest(), 16) % buckets


def split_of(key: str, buckets: Mapping[str, int]) -> str:
    """Returns the split whose buckets a partition feature falls in."""
    ends = list(accumulate(buckets.values()))
    return list(buckets)[bisect_right(ends, bucket_of(key, ends[-1]))]


def hashed_keys(digests: Sequence[str], groups: Sequence[int], seed: int) -> list[str]:
    """Returns the partition feature of each photo, the same for all of a group.

    It is that of the member in the highest bucket, where evaluation is: a group is evaluated
    with if any of its members would be. So whatever is added, no photo ever moves from
    evaluation into training.

    Args:
        digests: of each photo's content.
        groups: of each photo, the number of its group of duplicates.
        seed: another one gives another division.
    """
    highest: dict[int, tuple[int, str]] = {}
    for digest, group in zip(digests, groups, strict=True):
        key = split_key(digest, seed)
        ranked = (bucket_of(key, SPLIT_BUCKETS), key)
        highest[group] = max(highest.get(group, ranked), ranked)
    return [highest[group][1] for group in groups]


def stratified_splits(
    digests: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[int],
    *,
    eval_fraction: float,
    seed: int,
) -> list[str]:
    """Returns the split of each photo, with the same share of each class in evaluation.

    Each class keeps a photo on both sides if it has two groups. Groups are never divided, so
    the share is exact up to their size. Photos may move when others are added.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    by_class: dict[str, list[list[int]]] = defaultdict(list)
    for group, numbers in members.items():
        by_class[labels[group]].append(numbers)
    splits = [features.TRAIN] * len(groups)
    for candidates in by_class.values():
        candidates.sort(key=lambda numbers: min(split_key(digests[n], seed) for n in numbers))
        left = max(1, round(eval_fraction * sum(map(len, candidates))))
        chosen = []
        # The last group stays in training.
        for numbers in candidates[:-1]:
            if len(numbers) <= left:
                left -= len(numbers)
                chosen.append(numbers)
        if not chosen and len(candidates) > 1:
            chosen.append(min(candidates, key=len))
        for number in chain.from_iterable(chosen):
            splits[number] = features.EVAL
    return splits


@cache
def key_into(split: str, buckets: tuple[tuple[str, int], ...]) -> str:
    """Returns a partition feature that falls in a given split.

    So TFX's partition by hash serves for splits that are not hashes, too.
    """
    wanted = dict(buckets)
    return next(
        key for number in range(10**9) if split_of(key := f"{split} {number}", wanted) == split
    )
