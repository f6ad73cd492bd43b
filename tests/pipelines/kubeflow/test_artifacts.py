"""Tests of artifacts on their way through Kubeflow's ML Metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tfx.types import artifact_utils, standard_artifacts

from pipelines.kubeflow.artifacts import artifact_of, metadata_of
from pipelines.kubeflow.invocation import Handed

STANDARD = "tfx.types.standard_artifacts"


def as_kept(metadata: dict[str, Any]) -> dict[str, Any]:
    """Returns metadata as the server gives it back: all numbers are floats, and it adds its own."""
    kept = {n: float(v) if isinstance(v, int) else v for n, v in metadata.items()}
    return {**kept, "display_name": "model", "store_session_info": "{}"}


def test_properties_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    made = standard_artifacts.Examples()
    made.split_names = artifact_utils.encode_split_names(["train", "eval"])
    made.version = 3
    made.set_int_custom_property("blessed", 1)
    made.set_float_custom_property("latency_ms", 12.0)
    made.set_string_custom_property("stage", "frozen")
    made.set_json_value_custom_property("coverage", {"train": 1.0})
    made.set_json_value_custom_property("text", '{"eval": 1.0}')

    back = artifact_of(
        f"{STANDARD}.Examples", Handed("7", "s3://b/e", "/s3/b/e", as_kept(metadata_of(made)))
    )

    assert (back.id, back.uri) == (7, "/s3/b/e")
    assert back.split_names == made.split_names
    assert back.version == 3
    # As the components read them, straight from the message.
    custom = back.mlmd_artifact.custom_properties
    assert custom["blessed"].int_value == 1
    assert custom["latency_ms"].double_value == 12.0
    assert custom["stage"].string_value == "frozen"
    assert back.get_json_value_custom_property("coverage") == {"train": 1.0}
    assert back.get_json_value_custom_property("text") == '{"eval": 1.0}'


def test_metadata_holds_nothing_that_kubeflow_s_server_refuses() -> None:
    """It knows text, numbers and what is nested of these; never null."""
    made = standard_artifacts.Model()
    made.set_json_value_custom_property("nothing", None)
    made.set_int_custom_property("photos", 5)

    metadata = metadata_of(made)

    assert all(isinstance(value, str | int | float) for value in metadata.values())
    assert json.loads(json.dumps(metadata, allow_nan=False)) == metadata


def test_local_places_become_those_they_stand_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMSTART_LAUNCHER_ROOT", str(tmp_path))
    made = standard_artifacts.ModelBlessing()
    made.set_string_custom_property("current_model", str(tmp_path / "minio" / "bucket" / "model"))
    made.set_string_custom_property("baseline_model", "/models/3")

    metadata = metadata_of(made)

    assert metadata["current_model"] == "minio://bucket/model"
    assert metadata["baseline_model"] == "/models/3"


def test_artifact_without_a_number_for_a_name_has_no_id() -> None:
    assert artifact_of(f"{STANDARD}.Model", Handed("model", "/m", "/m")).id == 0
