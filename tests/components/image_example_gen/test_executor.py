"""Tests of the executor: corrections are in what it writes, and in what decides about the cache."""

from __future__ import annotations

import hashlib
import resource
import shutil
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from photo_files import add, add_classes, encoded
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.orchestration import data_types, metadata
from tfx.types import standard_artifacts

from components.dataset.options import SurveyOptions
from components.dataset.survey import survey
from components.image_example_gen import executor
from components.image_example_gen.artifact import Quarantine
from components.image_example_gen.component import ImageExampleGen
from components.image_example_gen.driver import Driver
from components.image_example_gen.executor import Executor
from components.image_example_gen.quarantine import read_photos, read_survey
from pipelines.resource_use import ResourceMeter
from schemas import features
from schemas.corrections import (
    CORRECTIONS_FILE,
    LEAVE_OUT,
    RELABEL,
    Correction,
    from_property,
    read_corrections,
)
from schemas.errors import DataError, PipelineError

IN_MEMORY = ("--runner=FnApiRunner",)


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


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def execute(
    properties: dict[str, Any], folder: Path, runner: Sequence[str] = IN_MEMORY
) -> tuple[Path, Path]:
    """Runs the executor; returns the folders of examples and quarantine."""
    examples, quarantine = standard_artifacts.Examples(), Quarantine()
    examples.uri, quarantine.uri = str(folder / "examples"), str(folder / "quarantine")
    Path(quarantine.uri).mkdir()
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=[*runner], tmp_dir=str(folder / "beam"), unique_id="1"
    )
    Executor(context).Do({}, {"examples": [examples], "quarantine": [quarantine]}, properties)
    return Path(examples.uri), Path(quarantine.uri)


def resolved(data: Path, *corrections: Correction) -> dict[str, Any]:
    """Returns the properties that the driver hands to the executor, and to TFX's cache."""
    properties = dict(ImageExampleGen(str(data), corrections=corrections).exec_properties)
    driver = Driver(metadata.Metadata(metadata.sqlite_metadata_connection_config("unused")))
    nothing = data_types.PipelineInfo("", "")
    component = data_types.ComponentInfo("", "", nothing)
    found: dict[str, Any] = driver.resolve_exec_properties(properties, nothing, component)
    return found


def test_corrections_are_in_examples_tables_and_survey(data: Path, tmp_path: Path) -> None:
    relabelled = decide(data, "cat/003.jpg", RELABEL, "dog")
    left_out = decide(data, "dog/004.jpg", LEAVE_OUT)
    gone = Correction("cat/gone.jpg", "ab" * 32, "cat", RELABEL, "dog")
    component = ImageExampleGen(str(data), corrections=[relabelled, left_out, gone])

    examples, quarantine = execute(component.exec_properties, tmp_path)

    labels = examples_of(examples)
    assert len(labels) == 39
    assert labels["cat/003.jpg"] == "dog"
    assert "dog/004.jpg" not in labels
    table = {row["path"]: row for row in read_photos(str(quarantine))}
    assert {path: row["label"] for path, row in table.items()} == labels
    assert table["cat/003.jpg"]["sha256"] == relabelled.sha256
    survey = read_survey(str(quarantine))
    assert survey["relabelled"] == [{"path": "cat/003.jpg", "class": "dog", "was": "cat"}]
    assert [(f["path"], f["reason"]) for f in survey["quarantined"]] == [
        ("dog/004.jpg", "left out by a correction")
    ]
    applied = read_corrections(quarantine / CORRECTIONS_FILE)
    assert applied == [relabelled, left_out]


def test_photos_pass_through_memory_a_few_at_a_time(tmp_path: Path) -> None:
    """All of them are 78 MB, and a batch is 6."""
    for number in range(400):
        label = "cat" if number % 2 else "dog"
        add(tmp_path, f"photos/{label}/{number}.png", encoded(number, "PNG", size=256))
    properties = dict(ImageExampleGen(str(tmp_path / "photos")).exec_properties)
    meter, before = ResourceMeter(), resident_bytes()

    examples, _ = execute(properties, tmp_path)

    peak = meter.read().peak_memory
    assert peak is not None
    assert sum(file.stat().st_size for file in examples.rglob("*.gz")) > 78e6
    assert peak - before < 75e6


def test_classes_are_mixed_in_the_examples(data: Path, tmp_path: Path) -> None:
    examples, _ = execute(dict(ImageExampleGen(str(data)).exec_properties), tmp_path)

    labels = list(examples_of(examples / "Split-train").values())
    changes = sum(one != other for one, other in pairwise(labels))
    assert len(labels) > 20
    assert changes > len(labels) / 4


def test_driver_hands_corrections_on_beside_a_fingerprint_of_the_files(data: Path) -> None:
    """TFX's cache key holds both: each is told apart when the other changes."""
    relabelled = decide(data, "cat/003.jpg", RELABEL, "dog")

    without, with_one = resolved(data), resolved(data, relabelled)
    add(data, "cat/new.jpg")
    with_new_photo = resolved(data, relabelled)

    assert from_property(without["corrections"]) == []
    assert from_property(with_one["corrections"]) == [relabelled]
    assert without["input_fingerprint"] == with_one["input_fingerprint"]
    assert with_one["input_fingerprint"] != with_new_photo["input_fingerprint"]


def remove(data: Path) -> None:
    (data / "cat" / "003.jpg").unlink()


def replace_by_another(data: Path) -> None:
    add(data, "cat/003.jpg", encoded(999))


def truncate(data: Path) -> None:
    add(data, "cat/003.jpg", (data / "cat" / "003.jpg").read_bytes()[:200])


def move_to_other_class(data: Path) -> None:
    (data / "cat" / "003.jpg").rename(data / "dog" / "cat.jpg")


def add_one(data: Path) -> None:
    add(data, "dog/new.jpg")


def remove_a_class(data: Path) -> None:
    shutil.rmtree(data / "dog")


@pytest.mark.parametrize(
    "change",
    [replace_by_another, move_to_other_class, add_one, remove_a_class],
)
def test_photos_that_change_before_they_are_looked_at_are_not_taken_for_the_fingerprinted_ones(
    data: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    properties = resolved(data)
    change(data)

    with pytest.raises(DataError) as error:
        execute(properties, tmp_path)

    assert str(error.value) == (
        f"{data} changed while it was read (other photos than a moment ago); run the same command "
        "again when nothing writes there."
    )
    assert not (tmp_path / "examples").exists()


@pytest.mark.parametrize(
    ("change", "what"),
    [(remove, "No such file or directory"), (truncate, "other content than a moment ago")],
)
def test_photo_that_changes_before_it_is_read_is_named(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    what: str,
) -> None:
    """After all photos were looked at, and before Beam reads them."""
    properties = resolved(data)
    write_survey = executor.write_survey

    def write_and_change(folder: str, survey: dict[str, Any]) -> None:
        write_survey(folder, survey)
        change(data)

    monkeypatch.setattr(executor, "write_survey", write_and_change)

    with pytest.raises(DataError) as error:
        execute(properties, tmp_path)

    assert str(error.value) == (
        f"{data}/cat/003.jpg changed while it was read ({what}); run the same command again when "
        "nothing writes there."
    )


def out_of_memory(_: bytes) -> bytes:
    raise MemoryError


def test_memory_that_runs_out_where_photos_are_decoded_is_told_with_what_to_lower(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(data, "cat/large.png", encoded(7, "PNG", size=32))
    photos = survey(str(data), SurveyOptions()).photos
    monkeypatch.setattr(executor, "as_graph_reads", out_of_memory)

    with pytest.raises(PipelineError) as error:
        list(executor.ReadPhotos(str(data)).process(photos))

    assert str(error.value) == (
        f"Memory runs out where 41 photos are decoded, the largest of them {data}/cat/large.png "
        "with 32 x 32 pixels; lower engine.workers, or data.max_pixels to set such photos aside."
    )
