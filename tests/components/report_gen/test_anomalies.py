"""Tests of what is read from the validators, with artifacts as their executors write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_results import made_results
from photo_statistics import PHOTO, photos_of, statistics_of
from tfx.components.example_validator.executor import Executor as ExampleValidator
from tfx.types import Artifact, artifact_utils, standard_artifacts

from components.distribution_validator.component import DistributionAnomalies
from components.distribution_validator.executor import Executor as DistributionValidator
from components.report_gen.anomalies import read_anomalies, read_statistics
from components.schema_gen.executor import Executor as SchemaGen
from pipelines.outcome import Outcome
from schemas import features

Photos = list[dict[str, Any]]
KNOWN = [*photos_of(30), *photos_of(30, label="dog")]


def artifact(kind: type[Artifact], folder: Path) -> Artifact:
    folder.mkdir()
    made = kind()
    made.uri = str(folder)
    return made


def written(folder: Path, splits: dict[str, Photos]) -> Artifact:
    """Writes statistics as StatisticsGen does."""
    statistics = artifact(standard_artifacts.ExampleStatistics, folder)
    statistics.split_names = artifact_utils.encode_split_names(list(splits))
    for split, photos in splits.items():
        (folder / f"Split-{split}").mkdir()
        file = folder / f"Split-{split}" / "FeatureStats.pb"
        file.write_bytes(statistics_of(photos).proto.SerializeToString())
    return statistics


def validated(
    folder: Path, splits: dict[str, Photos], previous: dict[str, Photos] | None = None
) -> tuple[Artifact, Artifact, Artifact]:
    """Runs SchemaGen and both validators."""
    statistics = written(folder / "statistics", splits)
    baseline = [written(folder / "previous", previous)] if previous else []
    schema = artifact(standard_artifacts.Schema, folder / "schema")
    anomalies = artifact(standard_artifacts.ExampleAnomalies, folder / "anomalies")
    distribution = artifact(DistributionAnomalies, folder / "distribution")
    inputs = {"statistics": [statistics]}
    SchemaGen().Do(inputs, {"schema": [schema]}, {})
    ExampleValidator().Do({**inputs, "schema": [schema]}, {"anomalies": [anomalies]}, {})
    DistributionValidator().Do(
        {**inputs, "baseline_statistics": baseline},
        {"anomalies": [distribution]},
        {"max_skew": 0.1, "max_drift": 0.2},
    )
    return statistics, anomalies, distribution


def found(
    folder: Path, splits: dict[str, Photos], previous: dict[str, Photos] | None = None
) -> list[dict[str, Any]]:
    artifacts = validated(folder, splits, previous)
    return read_anomalies(*(made.mlmd_artifact for made in artifacts))


def test_nothing_is_odd_about_photos_of_one_kind(tmp_path: Path) -> None:
    assert found(tmp_path, {"train": KNOWN, "eval": KNOWN[20:40]}, {"train": KNOWN}) == []


def test_class_without_training_photos_is_named(tmp_path: Path) -> None:
    (anomaly,) = found(tmp_path, {"train": KNOWN, "eval": [*KNOWN, *photos_of(2, label="ox")]})

    assert anomaly == {
        "kind": "new_class",
        "feature": "label",
        "split": "eval",
        "sentence": "Evaluation photos are of classes that no training photo has, so that the "
        "model never recognises them: ox (2). Add training photos of them, or correct their "
        "labels.",
    }


@pytest.mark.parametrize(
    ("feature", "value", "said"),
    [
        ("brightness", 1.5, "brightness of the training photos is 0.5 to 1.5, but 0 to 1 in any"),
        ("width", 0, "width of the training photos is 0 to 400, but 1 or more in any photo"),
    ],
)
def test_value_out_of_range_is_said(tmp_path: Path, feature: str, value: float, said: str) -> None:
    photos = [*KNOWN, PHOTO | {feature: value}]
    (anomaly,) = found(tmp_path, {"train": photos, "eval": KNOWN})

    assert (anomaly["kind"], anomaly["feature"], anomaly["split"]) == (
        "out_of_range",
        feature,
        "train",
    )
    assert anomaly["sentence"].startswith(said)


def test_other_contradiction_is_said_as_tfdv_says_it(tmp_path: Path) -> None:
    photos = [*KNOWN, PHOTO | {features.SHARPNESS: None}]
    (anomaly,) = found(tmp_path, {"train": photos, "eval": KNOWN})

    assert anomaly["kind"] == "schema"
    assert anomaly["sentence"].startswith(
        "sharpness of the training photos contradicts the schema ("
    )


def test_every_other_split_is_compared_with_training(tmp_path: Path) -> None:
    dark = [photo | {features.BRIGHTNESS: 0.1} for photo in KNOWN]
    anomalies = found(tmp_path, {"train": KNOWN, "eval": KNOWN, "test": dark})

    assert [(a["kind"], a["feature"], a["split"]) for a in anomalies] == [
        ("skew", "brightness", "test")
    ]
    assert anomalies[0]["distance"] == pytest.approx(1)
    assert anomalies[0]["threshold"] == pytest.approx(0.1)
    assert "Brightness of the test photos differs" in anomalies[0]["sentence"]


def test_training_photos_are_compared_with_those_of_the_previous_run(tmp_path: Path) -> None:
    dark = [photo | {features.BRIGHTNESS: 0.1} for photo in [*KNOWN, *photos_of(30, label="ox")]]
    anomalies = found(tmp_path, {"train": dark, "eval": dark}, {"train": KNOWN})

    assert [(a["kind"], a["feature"], a["split"]) for a in anomalies] == [
        ("new_class", "label", "train"),
        ("drift", "brightness", "train"),
    ]
    assert anomalies[1]["threshold"] == pytest.approx(0.2)


def test_statistics_are_read_by_feature_and_split(tmp_path: Path) -> None:
    photos = [PHOTO | {features.WIDTH: width} for width in (100, 200, 600)]
    statistics = written(tmp_path / "statistics", {"train": photos, "eval": photos[:1]})
    table = read_statistics(statistics.mlmd_artifact)

    assert table["width"] == {"train": [100, 200, 600], "eval": [100, 100, 100]}
    assert list(table) == [
        *("width", "height", "aspect", "channels", "brightness", "contrast", "sharpness"),
        "file_size",
    ]


ODD = [{"kind": "drift", "feature": "label", "sentence": "Label has <drifted>."}]


def test_json_holds_the_anomalies() -> None:
    assert (
        json.loads(
            json.dumps(Outcome("1", results=made_results("cat", "dog", anomalies=ODD)).as_json())
        )["anomalies"]
        == ODD
    )
    assert Outcome(run_id=None, error="x").as_json()["anomalies"] == []


def test_summary_prints_each_anomaly_as_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    from cli.run_summary import print_summary

    anomalies = [{"kind": "drift", "sentence": "Label has [bold]drifted."}]
    print_summary(Outcome("1", results=made_results("cat", "dog", anomalies=anomalies)))

    assert "Note: Label has [bold]drifted.\n" in capsys.readouterr().out
