"""What a component promised and did not make is found before anybody takes it for a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import Artifact, standard_artifacts

from components.embedder.artifact import Embeddings
from pipelines.promised_outputs import check_outputs
from schemas.errors import PipelineError


def write(folder: Path, *files: str, content: bytes = b"something") -> None:
    for name in files:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def records(folder: Path, name: str, *content: bytes, compression: str = "GZIP") -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file), compression) as writer:
        for record in content:
            writer.write(record)


def check(folder: Path, kind: type[Artifact], *splits: str) -> None:
    artifact = kind()
    artifact.uri = str(folder)
    if splits:
        artifact.split_names = json.dumps(splits)
    check_outputs("Maker", {"made": [(artifact.type_name, artifact.mlmd_artifact)]})


def said_of(folder: Path, kind: type[Artifact], *splits: str) -> str:
    with pytest.raises(PipelineError) as error:
        check(folder, kind, *splits)
    return str(error.value)


def lacks(what: str, folder: Path) -> str:
    return (
        f"Maker ended without an error, but its output made has {what} in {folder}; run again, "
        "and if it stays so, take another engine.name."
    )


def test_examples_of_every_split_are_enough(tmp_path: Path) -> None:
    records(tmp_path, "Split-train/data-00000-of-00002.gz")
    records(tmp_path, "Split-train/data-00001-of-00002.gz", b"photo")
    records(tmp_path, "Split-eval/data-00000-of-00001.gz")

    check(tmp_path, standard_artifacts.Examples, "train", "eval")


def test_folder_may_look_like_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "out[1]*"
    records(folder, "Split-train/data-00000-of-00001.gz", b"photo")

    check(folder, standard_artifacts.Examples, "train")


def test_split_without_a_file_is_named(tmp_path: Path) -> None:
    records(tmp_path, "Split-train/data-00000-of-00001.gz", b"photo")

    assert said_of(tmp_path, standard_artifacts.Examples, "train", "eval") == lacks(
        "no file of the split eval", tmp_path
    )


def test_shards_without_a_record_are_not_enough(tmp_path: Path) -> None:
    records(tmp_path, "Split-train/data-00000-of-00001.gz")
    records(tmp_path, "Split-eval/data-00000-of-00001", compression="")

    assert said_of(tmp_path, standard_artifacts.Examples, "train", "eval") == lacks(
        "no record in any split", tmp_path
    )


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        (standard_artifacts.Model, ["Format-Serving/saved_model.pb"]),
        (standard_artifacts.Schema, ["schema.pbtxt"]),
        (standard_artifacts.ModelEvaluation, ["measured.json"]),
        (
            standard_artifacts.TransformGraph,
            ["transform_fn/saved_model.pb", "transformed_metadata/schema.pbtxt"],
        ),
    ],
)
def test_file_that_is_missing_or_empty_is_named(
    kind: type[Artifact], files: list[str], tmp_path: Path
) -> None:
    write(tmp_path, *files)
    check(tmp_path, kind)

    write(tmp_path, files[-1], content=b"")
    assert said_of(tmp_path, kind) == lacks(f"no {files[-1]}", tmp_path)

    (tmp_path / files[-1]).unlink()
    assert said_of(tmp_path, kind) == lacks(f"no {files[-1]}", tmp_path)


def test_embeddings_need_rows(tmp_path: Path) -> None:
    write(tmp_path, "manifest.json", "Split-train/index-00000-of-00001.tfrecord")
    write(tmp_path, "Split-train/view-00-00000-of-00001.tfrecord", content=b"")

    assert said_of(tmp_path, Embeddings) == lacks("no Split-*/view-*", tmp_path)


def test_statistics_of_every_split_are_needed(tmp_path: Path) -> None:
    write(tmp_path, "Split-train/FeatureStats.pb")
    assert said_of(tmp_path, standard_artifacts.ExampleStatistics, "train", "eval") == lacks(
        "no file of the split eval", tmp_path
    )

    write(tmp_path, "Split-eval/FeatureStats.pb")
    check(tmp_path, standard_artifacts.ExampleStatistics, "train", "eval")


def test_folder_without_a_file_is_named_whatever_it_should_hold(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert said_of(tmp_path, standard_artifacts.InfraBlessing) == lacks("no file", tmp_path)

    write(tmp_path, "INFRA_BLESSED", content=b"")
    check(tmp_path, standard_artifacts.InfraBlessing)


def test_value_is_a_file_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "value")

    check(tmp_path / "value", standard_artifacts.String)
    assert said_of(tmp_path / "gone", standard_artifacts.String) == lacks(
        "no file", tmp_path / "gone"
    )


def test_model_that_was_refused_is_not_pushed(tmp_path: Path) -> None:
    check(tmp_path, standard_artifacts.PushedModel)


def test_splits_are_those_that_the_executor_returned(tmp_path: Path) -> None:
    """TFX hands executors a copy: only what they return knows the splits."""
    promised, returned = standard_artifacts.Examples(), standard_artifacts.Examples()
    promised.uri = returned.uri = str(tmp_path)
    returned.split_names = json.dumps(["train"])
    made: dict[str, Any] = {"made": [returned.mlmd_artifact]}

    with pytest.raises(PipelineError) as error:
        check_outputs("Maker", {"made": [(promised.type_name, promised.mlmd_artifact)]}, made)
    assert str(error.value) == lacks("no file of the split train", tmp_path)
