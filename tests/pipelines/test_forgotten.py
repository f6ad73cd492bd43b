"""Tests of what is not to be reused: TFX's own formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.serving.versions import write_record
from pipelines.folders import OutputFolders
from pipelines.forgotten import forget, pushed_to

LIVE = metadata_store_pb2.Artifact.LIVE
DELETED = metadata_store_pb2.Artifact.DELETED


def pushed_model(type_id: int, uri: str, pushed: int, destination: str = "") -> Any:
    """Returns a PushedModel as TFX's Pusher records it."""
    artifact = metadata_store_pb2.Artifact(type_id=type_id, uri=uri, state=LIVE)
    artifact.custom_properties["pushed"].int_value = pushed
    if destination:
        artifact.custom_properties["pushed_destination"].string_value = destination
    return artifact


@pytest.mark.parametrize(("pushed", "place"), [(1, "/models/1"), (0, None)])
def test_place_of_a_model_is_known_only_if_it_was_pushed(pushed: int, place: str | None) -> None:
    assert pushed_to(pushed_model(1, "/a", pushed, "/models/1")) == place


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

    forget(output)

    states = {artifact.uri: artifact.state for artifact in store.get_artifacts()}
    assert states == {"/there": LIVE, "/gone": DELETED, "/not pushed": LIVE}


def test_push_that_was_withdrawn_is_not_forgotten(tmp_path: Path) -> None:
    """The next run would push it again, and undo the rollback."""
    output = OutputFolders(tmp_path)
    (output.models / ".withdrawn" / "1").mkdir(parents=True)
    store = MetadataStore(sqlite_metadata_connection_config(str(output.metadata)))
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="PushedModel"))
    store.put_artifacts([pushed_model(kind, "/a", 1, str(output.models / "1"))])

    forget(output)

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

    forget(output)

    assert [artifact.state for artifact in store.get_artifacts()] == [LIVE]


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

    forget(output)

    states = {artifact.uri: artifact.state for artifact in store.get_artifacts()}
    assert states == {"/good": LIVE, "/bad": DELETED}


def test_output_folder_without_metadata_is_left_alone(tmp_path: Path) -> None:
    forget(OutputFolders(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_metadata_without_any_push_is_no_error(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    MetadataStore(sqlite_metadata_connection_config(str(output.metadata))).get_artifacts()

    forget(output)

    assert output.metadata.exists()
