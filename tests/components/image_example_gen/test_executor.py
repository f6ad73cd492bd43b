"""Tests of the executor: corrections are in what it writes, and in what decides about the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import tensorflow as tf
from photo_files import add, add_classes
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.orchestration import data_types, metadata
from tfx.types import standard_artifacts

from components.image_example_gen.artifact import Quarantine
from components.image_example_gen.component import ImageExampleGen
from components.image_example_gen.driver import Driver
from components.image_example_gen.executor import Executor
from components.image_example_gen.quarantine import read_photos, read_survey
from schemas import features
from schemas.corrections import (
    CORRECTIONS_FILE,
    LEAVE_OUT,
    RELABEL,
    Correction,
    from_property,
    read_corrections,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return add_classes(tmp_path / "photos", "cat", "dog", photos=20)


def decide(data: Path, path: str, decision: str, new_label: str = "") -> Correction:
    digest = hashlib.sha256((data / path).read_bytes()).hexdigest()
    return Correction(path, digest, path.split("/", 1)[0], decision, new_label)


def examples_of(folder: Path) -> dict[str, str]:
    """Returns the label of each example by its path."""
    found = {}
    for file in folder.rglob("*.gz"):
        for record in tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator():
            values = tf.train.Example.FromString(record).features.feature
            path, label = (
                values[name].bytes_list.value[0].decode()
                for name in (features.PATH, features.LABEL)
            )
            found[path] = label
    return found


def test_corrections_are_in_examples_tables_and_survey(data: Path, tmp_path: Path) -> None:
    relabelled = decide(data, "cat/003.jpg", RELABEL, "dog")
    left_out = decide(data, "dog/004.jpg", LEAVE_OUT)
    gone = Correction("cat/gone.jpg", "ab" * 32, "cat", RELABEL, "dog")
    component = ImageExampleGen(str(data), corrections=[relabelled, left_out, gone])
    examples, quarantine = standard_artifacts.Examples(), Quarantine()
    examples.uri, quarantine.uri = str(tmp_path / "examples"), str(tmp_path / "quarantine")
    Path(quarantine.uri).mkdir()
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(tmp_path / "beam"), unique_id="1"
    )

    Executor(context).Do(
        {}, {"examples": [examples], "quarantine": [quarantine]}, component.exec_properties
    )

    labels = examples_of(Path(examples.uri))
    assert len(labels) == 39
    assert labels["cat/003.jpg"] == "dog"
    assert "dog/004.jpg" not in labels
    table = {row["path"]: row for row in read_photos(quarantine.uri)}
    assert {path: row["label"] for path, row in table.items()} == labels
    assert table["cat/003.jpg"]["sha256"] == relabelled.sha256
    survey = read_survey(quarantine.uri)
    assert survey["relabelled"] == [{"path": "cat/003.jpg", "class": "dog", "was": "cat"}]
    assert [(f["path"], f["reason"]) for f in survey["quarantined"]] == [
        ("dog/004.jpg", "left out by a correction")
    ]
    applied = read_corrections(Path(quarantine.uri, CORRECTIONS_FILE))
    assert applied == [relabelled, left_out]


def test_driver_hands_corrections_on_beside_a_fingerprint_of_the_files(data: Path) -> None:
    """TFX's cache key holds both: each is told apart when the other changes."""
    relabelled = decide(data, "cat/003.jpg", RELABEL, "dog")

    def resolved(*corrections: Correction) -> dict[str, str]:
        properties = dict(ImageExampleGen(str(data), corrections=corrections).exec_properties)
        driver = Driver(metadata.Metadata(metadata.sqlite_metadata_connection_config("unused")))
        nothing = data_types.PipelineInfo("", "")
        component = data_types.ComponentInfo("", "", nothing)
        found = driver.resolve_exec_properties(properties, nothing, component)
        return {name: found[name] for name in ("corrections", "input_fingerprint")}

    without, with_one = resolved(), resolved(relabelled)
    add(data, "cat/new.jpg")
    with_new_photo = resolved(relabelled)

    assert from_property(without["corrections"]) == []
    assert from_property(with_one["corrections"]) == [relabelled]
    assert without["input_fingerprint"] == with_one["input_fingerprint"]
    assert with_one["input_fingerprint"] != with_new_photo["input_fingerprint"]
