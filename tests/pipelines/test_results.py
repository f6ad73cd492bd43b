"""Tests of reading results, as far as they need no pipeline run: TFMA's and TFX's own formats."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tensorflow_model_analysis.proto import validation_result_pb2
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.serving.versions import write_record
from pipelines import results
from pipelines.config import load_config
from pipelines.folders import OutputFolders
from pipelines.results import forget_refusals, forget_vanished_pushes

LIVE = metadata_store_pb2.Artifact.LIVE
DELETED = metadata_store_pb2.Artifact.DELETED


def plots(entries: list[dict[str, Any]]) -> Any:
    """Returns a TFMA result with a confusion matrix of all photos, and one of a slice."""
    matrix = {"matrices": [{"threshold": 0.5, "entries": entries}]}
    wrong = {"matrices": [{"entries": [{"numWeightedExamples": 99}]}]}
    key = "multiClassConfusionMatrixAtThresholds"
    return SimpleNamespace(
        plots=[
            ((("label", "cat"),), {"": {"": {key: wrong}}}),
            ((), {"": {"": {key: matrix}}}),
        ]
    )


def test_confusion_of_all_photos_fills_in_the_zeros_that_protobuf_leaves_out() -> None:
    entries: list[dict[str, Any]] = [
        {"numWeightedExamples": 5.0},
        {"predictedClassId": 2, "numWeightedExamples": 1.0},
        {"actualClassId": 1, "predictedClassId": 1, "numWeightedExamples": 4.0},
        {"actualClassId": 2, "numWeightedExamples": 2.0},
        {"actualClassId": 2, "predictedClassId": 1},
    ]

    assert results._confusion(plots(entries), ["bird", "cat", "dog"]) == {
        "bird": {"bird": 5, "cat": 0, "dog": 1},
        "cat": {"bird": 0, "cat": 4, "dog": 0},
        "dog": {"bird": 2, "cat": 0, "dog": 0},
    }


def validation(folder: Path, *failures: tuple[bool, float]) -> str:
    """Writes what TFMA's Evaluator writes about thresholds; a failure is (is change, value)."""
    result = validation_result_pb2.ValidationResult(validation_ok=not failures)
    checked = result.metric_validations_per_slice.add()
    for is_diff, value in failures:
        failure = checked.failures.add()
        failure.metric_key.name = "sparse_categorical_accuracy"
        failure.metric_key.is_diff = is_diff
        failure.metric_value.double_value.value = value
    with tf.io.TFRecordWriter(str(folder / "validations.tfrecord")) as writer:
        writer.write(result.SerializeToString())
    return str(folder)


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([], []),
        (
            [(False, 0.61)],
            ["accuracy 0.610 is 0.290 below evaluate.thresholds.accuracy.min = 0.9"],
        ),
        (
            [(True, -0.125)],
            [
                "accuracy is 0.125 below that of the latest blessed model, more than "
                "evaluate.thresholds.accuracy.max_drop = 0.05"
            ],
        ),
        (
            [(False, 0.5), (True, -0.25)],
            [
                "accuracy 0.500 is 0.400 below evaluate.thresholds.accuracy.min = 0.9",
                "accuracy is 0.250 below that of the latest blessed model, more than "
                "evaluate.thresholds.accuracy.max_drop = 0.05",
            ],
        ),
    ],
    ids=["blessed", "below the minimum", "below the latest", "both"],
)
def test_reason_says_which_number_missed_which_key_by_how_much(
    tmp_path: Path, failures: list[tuple[bool, float]], said: list[str]
) -> None:
    config = load_config(
        None,
        [
            "evaluate.thresholds.accuracy.min=0.9",
            "evaluate.thresholds.accuracy.max_drop=0.05",
        ],
    )

    assert results._reasons(validation(tmp_path, *failures), config) == said


def pushed_model(type_id: int, uri: str, pushed: int, destination: str = "") -> Any:
    """Returns a PushedModel as TFX's Pusher records it."""
    artifact = metadata_store_pb2.Artifact(type_id=type_id, uri=uri, state=LIVE)
    artifact.custom_properties["pushed"].int_value = pushed
    if destination:
        artifact.custom_properties["pushed_destination"].string_value = destination
    return artifact


@pytest.mark.parametrize(("pushed", "place"), [(1, "/models/1"), (0, None)])
def test_place_of_a_model_is_known_only_if_it_was_pushed(pushed: int, place: str | None) -> None:
    assert results._pushed_to(pushed_model(1, "/a", pushed, "/models/1")) == place


def test_only_pushes_whose_folder_is_gone_are_forgotten(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    (output.models / "1").mkdir(parents=True)
    store = MetadataStore(sqlite_metadata_connection_config(str(output.metadata)))
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="PushedModel"))
    store.put_artifacts(
        [
            pushed_model(kind, "/there", 1, str(output.models / "1")),
            pushed_model(kind, "/gone", 1, str(output.models / "2")),
            pushed_model(kind, "/not pushed", 0),
        ]
    )

    forget_vanished_pushes(output)

    states = {artifact.uri: artifact.state for artifact in store.get_artifacts()}
    assert states == {"/there": LIVE, "/gone": DELETED, "/not pushed": LIVE}


def test_push_that_was_withdrawn_is_not_forgotten(tmp_path: Path) -> None:
    """The next run would push it again, and undo the rollback."""
    output = OutputFolders(tmp_path)
    (output.models / ".withdrawn" / "1").mkdir(parents=True)
    store = MetadataStore(sqlite_metadata_connection_config(str(output.metadata)))
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="PushedModel"))
    store.put_artifacts([pushed_model(kind, "/a", 1, str(output.models / "1"))])

    forget_vanished_pushes(output)

    assert [artifact.state for artifact in store.get_artifacts()] == [LIVE]


def test_push_of_which_a_copy_was_promoted_is_not_forgotten(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    copy = output.models / "2"
    copy.mkdir(parents=True)
    (copy / "saved_model.pb").write_bytes(b"graph")
    write_record(copy, 2, run_id=None, accuracy=None, copy_of=1)
    store = MetadataStore(sqlite_metadata_connection_config(str(output.metadata)))
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="PushedModel"))
    store.put_artifacts([pushed_model(kind, "/a", 1, str(output.models / "1"))])

    forget_vanished_pushes(output)

    assert [artifact.state for artifact in store.get_artifacts()] == [LIVE]
    assert results._in_service(str(output.models / "1")) == str(copy)
    assert results._in_service(str(output.models / "3")) == str(output.models / "3")
    assert results._in_service(None) is None


def infra_blessing(type_id: int, uri: str, blessed: int, reason: str = "") -> Any:
    """Returns an InfraBlessing as ServingValidator records it."""
    artifact = metadata_store_pb2.Artifact(type_id=type_id, uri=uri, state=LIVE)
    artifact.custom_properties["blessed"].int_value = blessed
    if reason:
        artifact.custom_properties["reason"].string_value = reason
    return artifact


def test_only_refusals_are_forgotten(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    store = MetadataStore(sqlite_metadata_connection_config(str(output.metadata)))
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="InfraBlessing"))
    store.put_artifacts([infra_blessing(kind, "/good", 1), infra_blessing(kind, "/bad", 0, "x")])

    forget_refusals(output)

    states = {artifact.uri: artifact.state for artifact in store.get_artifacts()}
    assert states == {"/good": LIVE, "/bad": DELETED}


@pytest.mark.parametrize(
    ("reason", "withdrawn", "said"),
    [
        ("", False, None),
        ("it hangs", False, "it hangs"),
        (
            "",
            True,
            "version 7 was taken out of service, and `warmstart models promote 7` brings it back",
        ),
    ],
)
def test_reason_for_not_serving_a_blessed_model(
    tmp_path: Path, reason: str, withdrawn: bool, said: str | None
) -> None:
    (tmp_path / (".withdrawn/7" if withdrawn else "7")).mkdir(parents=True)
    blessing = infra_blessing(1, "/a", int(not reason), reason)
    pushed_to = None if reason else str(tmp_path / "7")

    assert results._not_pushed_because(blessing, pushed_to) == said


def test_output_folder_without_metadata_is_left_alone(tmp_path: Path) -> None:
    forget_vanished_pushes(OutputFolders(tmp_path))
    forget_refusals(OutputFolders(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_metadata_without_any_push_is_no_error(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    MetadataStore(sqlite_metadata_connection_config(str(output.metadata))).get_artifacts()

    forget_vanished_pushes(output)

    assert output.metadata.exists()
