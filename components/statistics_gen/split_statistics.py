"""What TFDV's statistics say of the photos of one split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

# TFX first: it stands in for a module of tfx_bsl that TFDV 1.16 imports and 1.21 lacks.
from tfx.components.statistics_gen import stats_artifact_utils  # isort: skip
import tensorflow_data_validation as tfdv
from tensorflow_data_validation import StatsOptions
from tensorflow_metadata.proto.v0 import statistics_pb2

from schemas import features
from schemas.image_example import STATISTICS_FEATURES, image_example_schema

# Between two of these quantiles the share of photos is not known: an error of 2 % at most. Each
# costs TFDV 3 ms of a split.
_QUANTILES = 50

# Classes beyond would be missing in the statistics.
_MOST_CLASSES = 10_000


def stats_options() -> StatsOptions:
    """Returns what StatisticsGen computes: numbers and labels, never bytes of photos."""
    return StatsOptions(
        schema=image_example_schema(),
        feature_allowlist=list(STATISTICS_FEATURES),
        num_quantiles_histogram_buckets=_QUANTILES,
        num_rank_histogram_buckets=_MOST_CLASSES,
    )


@dataclass(frozen=True)
class Summary:
    """Smallest value, median and largest value of a numeric feature, in its own unit."""

    minimum: float
    median: float
    maximum: float


class SplitStatistics:
    """The statistics of the photos of one split."""

    def __init__(self, proto: statistics_pb2.DatasetFeatureStatisticsList) -> None:
        """Wraps what TFDV computed.

        Args:
            proto: with one data set, computed under `stats_options`.
        """
        self.proto = proto
        (self._dataset,) = proto.datasets
        self._features = {".".join(f.path.step) or f.name: f for f in self._dataset.features}

    @classmethod
    def read(cls, uri: str, split: str) -> SplitStatistics:
        """Reads what StatisticsGen wrote.

        Args:
            uri: of its artifact.
            split: for example `train`.
        """
        file = os.path.join(uri, f"Split-{split}", stats_artifact_utils.BINARY_PB_BASENAME)
        return cls(tfdv.load_stats_binary(file))

    @property
    def photos(self) -> int:
        """How many there are."""
        return int(self._dataset.num_examples)

    @cached_property
    def classes(self) -> dict[str, int]:
        """How many photos each class has, in the order of the names."""
        if features.LABEL not in self._features:
            return {}
        buckets = self._features[features.LABEL].string_stats.rank_histogram.buckets
        return {b.label: round(b.sample_count) for b in sorted(buckets, key=lambda b: b.label)}

    def summary(self, feature: str) -> Summary:
        """Returns what people look at of a numeric feature; zeros if no photo has it."""
        if feature not in self._features:
            return Summary(0.0, 0.0, 0.0)
        numbers = self._features[feature].num_stats
        return Summary(numbers.min, numbers.median, numbers.max)

    def quantiles(self, feature: str) -> npt.NDArray[np.float64]:
        """Returns values of a numeric feature, float64 (quantiles + 1,), smallest to largest.

        The number at place k is one that a share of k / quantiles of the photos do not exceed.
        Empty if no photo has the feature.
        """
        if feature not in self._features:
            return np.empty(0)
        for histogram in self._features[feature].num_stats.histograms:
            if histogram.type == statistics_pb2.Histogram.QUANTILES and histogram.buckets:
                low = histogram.buckets[0].low_value
                return np.array([low, *(bucket.high_value for bucket in histogram.buckets)])
        return np.empty(0)
