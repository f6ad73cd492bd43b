"""Tests of reading what the validators found odd."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pipeline_runs import PipelineRuns
from placed_artifacts import artifact_of, placed
from tensorflow_metadata.proto.v0 import anomalies_pb2

from review.anomalies import Anomaly, Distance, anomalies_in, distances_in


def test_each_reason_is_told_with_its_split_and_feature(tmp_path: Path) -> None:
    message = anomalies_pb2.Anomalies()
    info = message.anomaly_info["label"]
    info.path.step.append("label")
    info.reason.add(
        type=anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
        short_description="Unexpected string values",
        description="Examples contain values missing from the schema: cow (<1%).",
    )
    info.reason.add(type=anomalies_pb2.AnomalyInfo.UNKNOWN_TYPE, short_description="?")
    content = message.SerializeToString()
    files, artifact = placed(tmp_path, {"Split-eval/SchemaDiff.pb": content, "Split-eval/x": b""})

    assert anomalies_in(files, artifact) == [
        Anomaly(
            "eval",
            "label",
            "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
            "Unexpected string values",
            "Examples contain values missing from the schema: cow (<1%).",
        ),
        Anomaly("eval", "label", "UNKNOWN_TYPE", "?", ""),
    ]
    assert distances_in(files, artifact) == []


def test_distances_are_told_by_the_pair_of_splits(tmp_path: Path) -> None:
    message = anomalies_pb2.Anomalies()
    info = message.drift_skew_info.add()
    info.path.step.append("width")
    info.drift_measurements.add(value=0.25, threshold=0.5)
    files, artifact = placed(
        tmp_path, {"SplitPair-eval_train/SchemaDiff.pb": message.SerializeToString()}
    )

    assert distances_in(files, artifact) == [Distance("eval_train", "width", 0.25, 0.5)]
    assert anomalies_in(files, artifact) == []


def test_run_on_ordinary_photos_has_distances_and_no_contradictions(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with artifact_of(first_run[0], "ExampleValidator", "anomalies") as (history, artifact):
        assert anomalies_in(history.files, artifact) == []
    with artifact_of(first_run[0], "DistributionValidator", "anomalies") as (history, artifact):
        found = distances_in(history.files, artifact)

    assert {distance.pair for distance in found} == {"eval_train"}
    assert {"label", "width", "brightness"} <= {distance.feature for distance in found}
    assert all(0 <= distance.value <= 1 for distance in found)


def test_text_that_is_no_utf_8_is_told_as_far_as_it_is(tmp_path: Path) -> None:
    message = anomalies_pb2.Anomalies()
    message.drift_skew_info.add().path.step.append("width")
    message.drift_skew_info[0].drift_measurements.add(value=0.5, threshold=1)
    for name in ("label", "width"):
        info = message.anomaly_info[name]
        info.path.step.append(name)
        info.reason.add(short_description="new in width")
    content = message.SerializeToString().replace(b"width", b"wi\xffth")
    files, artifact = placed(tmp_path, {"Split-eval/SchemaDiff.pb": content})

    assert distances_in(files, artifact) == [Distance("eval", "wi\ufffdth", 0.5, 1)]
    assert [(found.feature, found.short) for found in anomalies_in(files, artifact)] == [
        ("label", "new in wi\ufffdth")
    ]


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, os.urandom(500)])
def test_what_holds_no_anomalies_is_left_out(tmp_path: Path, content: bytes) -> None:
    files, artifact = placed(tmp_path, {"Split-eval/SchemaDiff.pb": content})

    assert anomalies_in(files, artifact) == []
    assert distances_in(files, artifact) == []
