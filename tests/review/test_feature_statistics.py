"""Tests of reading what StatisticsGen counted."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from photo_statistics import photos_of, statistics_of
from pipeline_runs import PipelineRuns
from placed_artifacts import artifact_of, placed
from tensorflow_metadata.proto.v0 import statistics_pb2

from review.examples import examples_behind
from review.feature_statistics import FeatureStatistics, statistics_in

FILE = "Split-train/FeatureStats.pb"


def test_numbers_and_classes_are_told(tmp_path: Path) -> None:
    photos = [*photos_of(3, label="ok", width=100), *photos_of(1, label="bad", width=500)]
    photos += photos_of(1, label="ok", width=None)
    proto = statistics_of(photos).proto
    files, artifact = placed(tmp_path, {FILE: proto.SerializeToString(), "Split-eval/other": b""})

    (found,) = statistics_in(files, artifact)

    by_name = {feature.name: feature for feature in found.features}
    assert (found.split, found.examples) == ("train", 5)
    width = by_name["width"]
    assert (width.kind, width.present, width.missing) == ("number", 4, 1)
    assert (width.minimum, width.median, width.maximum, width.mean) == (100, 100, 500, 200)
    assert width.deviation == pytest.approx(math.sqrt(30000))
    assert sum(bucket.count for bucket in width.histogram) == pytest.approx(4)
    assert (width.histogram[0].low, width.histogram[-1].high) == (100, 500)
    assert (by_name["label"].unique, by_name["label"].values) == (2, (("ok", 4), ("bad", 1)))
    assert by_name["image"] == FeatureStatistics("image", "bytes", 5, 0)


def test_all_classes_are_told_where_there_are_many(tmp_path: Path) -> None:
    photos = [photo for n in range(40) for photo in photos_of(1, label=f"class {n}")]
    content = statistics_of(photos).proto.SerializeToString()
    files, artifact = placed(tmp_path, {FILE: content})

    (found,) = statistics_in(files, artifact)

    label = next(feature for feature in found.features if feature.name == "label")
    assert sorted(label.values) == sorted((f"class {n}", 1) for n in range(40))


def test_counts_of_a_real_run_are_those_of_its_photos(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    runs, _ = first_run
    with artifact_of(runs, "StatisticsGen", "statistics") as (history, artifact):
        found = {split.split: split for split in statistics_in(history.files, artifact)}
    with artifact_of(runs, "ImageExampleGen", "examples") as (history, artifact):
        examples = examples_behind(history, artifact.id)

    assert examples is not None
    counts: dict[str, dict[str, int]] = {}
    for split, counted in found.items():
        label = next(feature for feature in counted.features if feature.name == "label")
        for name, count in label.values:
            counts.setdefault(name, {})[split] = count
    assert counts == examples.counts
    assert list(examples.counts) == ["birds", "food", "mammals", "plants"]


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, os.urandom(500), b"\x0a\x03abc"])
def test_what_holds_no_statistics_is_left_out(tmp_path: Path, content: bytes) -> None:
    files, artifact = placed(tmp_path, {FILE: content})

    assert statistics_in(files, artifact) == []


def test_path_that_is_no_utf_8_is_told_as_far_as_it_is(tmp_path: Path) -> None:
    content = statistics_of(photos_of(2)).proto.SerializeToString()
    files, artifact = placed(tmp_path, {FILE: content.replace(b"width", b"wi\xffth")})

    (found,) = statistics_in(files, artifact)

    assert "wi\ufffdth" in {feature.name for feature in found.features}


def test_numbers_that_are_none_are_taken_for_nothing(tmp_path: Path) -> None:
    proto = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = proto.datasets.add(num_examples=1)
    label = dataset.features.add(name="label")
    label.string_stats.rank_histogram.buckets.add(label="a", sample_count=math.inf)
    label.string_stats.rank_histogram.buckets.add(label="b", sample_count=math.nan)
    dataset.features.add(name="bare")
    files, artifact = placed(tmp_path, {FILE: proto.SerializeToString()})

    (found,) = statistics_in(files, artifact)

    assert found.features[0].values == (("a", 0), ("b", 0))
    assert found.features[1] == FeatureStatistics("bare", "", 0, 0)
