"""What StatisticsGen counted, as plain data, without TFDV."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from review.files import ArtifactFiles
from review.messages import dotted, read_message
from review.records import Artifact

_PREFIX = "Split-"
_FILE = "/FeatureStats.pb"
_NUMBERS = "num_stats"
_TEXT = "string_stats"
_KINDS = {_NUMBERS: "number", _TEXT: "text", "bytes_stats": "bytes", "struct_stats": "structure"}

# Classes and buckets that are told of a feature.
_MOST = 10_000


@dataclass(frozen=True)
class Bucket:
    """A part of a histogram.

    Attributes:
        low: smallest value in it.
        high: largest value in it.
        count: examples; it may be a fraction, as TFDV sums sketches.
    """

    low: float
    high: float
    count: float


@dataclass(frozen=True)
class FeatureStatistics:
    """What was counted of a feature.

    Attributes:
        name: of the feature, with dots between the steps of its path.
        kind: `number`, `text`, `bytes` or `structure`; empty if nothing was counted.
        present: how many examples have it.
        missing: how many have not.
        mean: of a number, or None.
        deviation: standard deviation of a number, or None.
        minimum: of a number, or None.
        median: of a number, or None.
        maximum: of a number, or None.
        histogram: of a number, in parts of equal width.
        unique: how many different texts there are, or None.
        values: how often each text is there, the most frequent first.
    """

    name: str
    kind: str
    present: int
    missing: int
    mean: float | None = None
    deviation: float | None = None
    minimum: float | None = None
    median: float | None = None
    maximum: float | None = None
    histogram: tuple[Bucket, ...] = ()
    unique: int | None = None
    values: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class SplitStatistics:
    """What was counted of a split.

    Attributes:
        split: its name.
        examples: how many it has.
        features: each of them, in TFDV's order.
    """

    split: str
    examples: int
    features: tuple[FeatureStatistics, ...]


def statistics_in(files: ArtifactFiles, statistics: Artifact) -> list[SplitStatistics]:
    """Returns what stands in an ExampleStatistics artifact, by name of the split."""
    kind = statistics_pb2.DatasetFeatureStatisticsList
    found = []
    for file in files.listing(statistics):
        if file.name.startswith(_PREFIX) and file.name.endswith(_FILE):
            message = read_message(files, statistics, file.name, kind)
            split = file.name.removeprefix(_PREFIX).removesuffix(_FILE)
            for dataset in message.datasets[:1] if message else ():
                counted = tuple(_feature(feature) for feature in dataset.features)
                found.append(SplitStatistics(split, int(dataset.num_examples), counted))
    return found


def _feature(feature: Any) -> FeatureStatistics:
    name = dotted(feature.path) or feature.name
    kind = feature.WhichOneof("stats")
    if not kind:
        return FeatureStatistics(name, "", 0, 0)
    stats = getattr(feature, kind)
    common = stats.common_stats
    present, missing = int(common.num_non_missing), int(common.num_missing)
    if kind == _NUMBERS:
        return FeatureStatistics(
            *(name, _KINDS[kind], present, missing),
            mean=stats.mean,
            deviation=stats.std_dev,
            minimum=stats.min,
            median=stats.median,
            maximum=stats.max,
            histogram=_histogram(stats),
        )
    if kind == _TEXT:
        # TFDV keeps a few of the most frequent values, and all of them, up to a limit, by rank.
        buckets = stats.rank_histogram.buckets[:_MOST]
        ranked = [(bucket.label, _count(bucket.sample_count)) for bucket in buckets]
        top = [(top.value, _count(top.frequency)) for top in stats.top_values[:_MOST]]
        return FeatureStatistics(
            *(name, _KINDS[kind], present, missing),
            unique=int(stats.unique),
            values=tuple(ranked if len(ranked) >= len(top) else top),
        )
    return FeatureStatistics(name, _KINDS[kind], present, missing)


def _histogram(stats: Any) -> tuple[Bucket, ...]:
    for histogram in stats.histograms:
        if histogram.type == statistics_pb2.Histogram.STANDARD:
            return tuple(
                Bucket(bucket.low_value, bucket.high_value, bucket.sample_count)
                for bucket in histogram.buckets[:_MOST]
            )
    return ()


def _count(number: float) -> int:
    return round(number) if math.isfinite(number) else 0
