"""Runs the whole pipeline again and again, and asserts what each change makes run again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from PIL import Image
from pipeline_runs import QUICK, PipelineRuns
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.utils import io_utils

import samples
from components.report_gen.anomalies import read_statistics
from components.serving.classification import Photo, classified
from components.serving.pushed_model import PushedModel
from components.serving.versions import find_versions, roll_back
from components.serving_validator.component import ServingValidator
from pipelines import image_pipeline
from pipelines.forgotten import forget
from pipelines.results import read_results
from schemas.image_example import NUMERIC_FEATURES, image_example_schema

CHAIN = [
    "ImageExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "latest_statistics",
    "DistributionValidator",
    "ExampleValidator",
    "Transform",
    "Embedder",
    "LabelReview",
    "Trainer",
    "ServingValidator",
    "latest_blessed_model",
    "Evaluator",
    "ReportGen",
    "Pusher",
]
RESOLVERS = ("latest_statistics", "latest_blessed_model")  # They look up, so they run each time.

FirstRun = tuple[PipelineRuns, dict[str, str]]


def executed(states: dict[str, str]) -> list[str]:
    return [name for name, state in states.items() if state == "executed" and name not in RESOLVERS]


def store_of(runs: PipelineRuns) -> MetadataStore:
    return MetadataStore(sqlite_metadata_connection_config(str(runs.output.metadata)))


def executions_of(runs: PipelineRuns, run_id: str) -> list[Any]:
    store = store_of(runs)
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    return list(store.get_executions_by_context(context.id))


def test_first_run_executes_the_chain_in_order(first_run: FirstRun) -> None:
    _, states = first_run
    assert list(states) == CHAIN
    assert set(states.values()) == {"executed"}


def test_first_run_is_recorded_in_ml_metadata(runs: PipelineRuns) -> None:
    executions = executions_of(runs, "first")
    types = Counter(execution.type.rsplit(".", 1)[-1] for execution in executions)

    assert types == Counter(
        [*(name for name in CHAIN if name not in RESOLVERS), "Resolver", "Resolver"]
    )
    assert {execution.last_known_state for execution in executions} == {
        metadata_store_pb2.Execution.COMPLETE
    }


def test_first_run_leaves_artifacts_of_every_type(runs: PipelineRuns) -> None:
    store = store_of(runs)
    executions = [execution.id for execution in executions_of(runs, "first")]
    events = store.get_events_by_execution_ids(executions)
    made = {e.artifact_id for e in events if e.type == metadata_store_pb2.Event.OUTPUT}
    types = Counter(artifact.type for artifact in store.get_artifacts_by_id(made))

    for wanted in (
        "Examples",
        "Quarantine",
        "ExampleStatistics",
        "Schema",
        "ExampleAnomalies",
        "DistributionAnomalies",
        "TransformGraph",
        "Embeddings",
        "LabelSuspicions",
        "Model",
        "ModelRun",
        "ModelEvaluation",
        "ModelBlessing",
        "InfraBlessing",
        "Report",
        "PushedModel",
    ):
        assert types[wanted] >= 1, wanted


def test_model_is_recorded_with_its_stage_and_the_weights_it_began_with(
    runs: PipelineRuns,
) -> None:
    model = runs.first_artifact("Model")

    assert model.custom_properties["stage"].string_value in ("frozen", "fine-tuned")
    assert model.custom_properties["weights_sha256"].string_value == samples.WEIGHTS_SHA256


def test_version_says_which_run_it_is_from(runs: PipelineRuns) -> None:
    newest, *_ = find_versions(runs.output.models)
    assert newest.run_id is not None
    results = read_results(runs.output, newest.run_id)

    assert results.pushed_to == str(newest.folder)
    assert newest.accuracy == pytest.approx(results.measured.metrics["accuracy"])


def test_results_hold_what_the_evaluator_measured(runs: PipelineRuns) -> None:
    results = read_results(runs.output, "first")
    measured = results.measured
    right = sum(row[label] for label, row in measured.confusion.items())
    photos = sum(sum(row.values()) for row in measured.confusion.values())

    assert results.blessed
    assert photos == measured.photos == sum(of.photos for of in measured.classes)
    assert results.measured.metrics["accuracy"] == pytest.approx(right / photos)
    assert [of.label for of in measured.classes] == ["birds", "food", "mammals", "plants"]


def test_every_label_of_the_first_run_was_looked_at(runs: PipelineRuns) -> None:
    review = runs.first_artifact("LabelSuspicions")
    results = read_results(runs.output, "first")

    assert review.custom_properties["photos"].int_value == 4 * 16
    assert review.custom_properties["photos_not_judged"].int_value == 0
    assert review.custom_properties["suspicions"].int_value == len(results.label_suspicions)
    assert all((runs.data / s.path).is_file() for s in results.label_suspicions)
    assert all(s.path.startswith(f"{s.label}/") for s in results.label_suspicions)
    assert Path(results.label_suspicions_file).is_file()


def test_first_model_was_asked_in_a_clean_process(runs: PipelineRuns) -> None:
    blessing = runs.first_artifact("InfraBlessing")
    found = blessing.custom_properties
    results = read_results(runs.output, "first")

    assert found["blessed"].int_value == 1
    assert found["max_difference"].double_value < 1e-5
    assert [file.name for file in Path(blessing.uri).iterdir()] == ["INFRA_BLESSED"]
    assert results.not_pushed_because is None
    assert results.served.latency_ms is not None
    assert results.served.p95_ms is not None
    assert 0 < results.served.latency_ms <= results.served.p95_ms
    assert 5 < results.served.size_mb < 100


def test_model_that_misses_a_threshold_says_by_how_much(runs: PipelineRuns) -> None:
    """Only the sentence: the run itself reached its own, lower threshold."""
    strict = ["evaluate.thresholds.accuracy.min=1.0", "frozen.epochs=1", "evaluate.split=eval"]
    runs.settle()
    states = runs.run("strict", *strict)
    results = read_results(runs.output, "strict")
    accuracy = results.measured.metrics["accuracy"]

    assert executed(states) == ["Trainer", "ServingValidator", "Evaluator", "ReportGen", "Pusher"]
    assert not results.blessed
    assert results.pushed_to is None
    assert results.measured.reasons == [
        f"accuracy {accuracy:.3f} is {1 - accuracy:.3f} below "
        "evaluate.thresholds.accuracy.min = 1.0"
    ]

    places = ["--data", str(runs.data), "--output", str(runs.output.root)]
    said = subprocess.run(
        [
            *(sys.executable, "-c", "from cli.main import main; main()"),
            *("pipeline", "run", *places, "--log-json"),
            *(f"--set={setting}" for setting in (*QUICK, *strict)),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    lines = [json.loads(line) for line in said.splitlines()]
    decisions = [
        (one["decision"], one["because"]) for one in lines if one.get("about") == "the model"
    ]
    assert decisions == [("not blessed", results.measured.reasons[0])]


def test_second_and_third_run_are_fully_cached(runs: PipelineRuns) -> None:
    """Statistics that were their own baseline would show in every other run."""
    runs.settle()

    for run_id in ("second", "third"):
        assert executed(runs.run(run_id)) == []
        states = {e.last_known_state for e in executions_of(runs, run_id)}
        assert metadata_store_pb2.Execution.CACHED in states
        assert read_results(runs.output, run_id).blessed


def test_results_hold_statistics_without_false_alarms(runs: PipelineRuns) -> None:
    results = read_results(runs.output, "first")
    statistics = read_statistics(runs.first_artifact("ExampleStatistics"))
    width = statistics["width"]

    assert list(statistics) == list(NUMERIC_FEATURES)
    assert set(width) == {"train", "eval"}
    for least, median, most in width.values():
        assert 64 <= least <= median <= most <= 1024
    assert results.anomalies == []


def test_schema_of_a_run_knows_its_classes_and_validates_no_bytes(runs: PipelineRuns) -> None:
    folder = runs.first_output("SchemaGen", "schema")
    schema = io_utils.SchemaReader().read(str(folder / "schema.pbtxt"))

    assert schema == image_example_schema(["birds", "food", "mammals", "plants"])


def test_photo_that_is_touched_reruns_nothing(runs: PipelineRuns) -> None:
    runs.settle()
    photo = min((runs.data / "birds").iterdir())
    os.utime(photo, (0, 0))

    assert executed(runs.run("touched")) == []


def test_other_learning_rate_reruns_from_the_trainer(runs: PipelineRuns) -> None:
    runs.settle()
    states = runs.run("rate", "frozen.learning_rate=1e-3")

    assert executed(states) == ["Trainer", "ServingValidator", "Evaluator", "ReportGen", "Pusher"]


def test_photo_that_changes_its_class_reruns_all_and_embeds_nothing(runs: PipelineRuns) -> None:
    """TFX's own fingerprint would not see it: number, sizes and times stay the same."""
    with min((runs.data / "food").iterdir()).open("ab") as stream:
        stream.write(b"\1")  # The newest embeddings are of all photos, whatever ran before.
    runs.settle()
    photo = max((runs.data / "birds").iterdir())
    photo.rename(runs.data / "food" / photo.name)
    states = runs.run("moved")

    assert executed(states) == [name for name in CHAIN if name not in RESOLVERS]
    assert embedded(runs) == (0, 4 * 16)
    assert executed(runs.run("moved again")) == []


def test_new_photo_costs_its_own_embedding_only(runs: PipelineRuns) -> None:
    runs.settle()
    photo = min((runs.data / "birds").iterdir())
    with photo.open("ab") as stream:
        stream.write(b"\0")  # Same picture for a decoder, other content.
    new = runs.data / "birds" / "new.png"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(new)
    states = runs.run("added")

    assert executed(states) == [name for name in CHAIN if name not in RESOLVERS]
    computed, reused = embedded(runs)
    assert computed + reused == 4 * 16 + 1
    assert computed <= 2  # The new one, and the changed one if it went to the other split.


def test_class_that_vanished_is_said_and_the_next_run_cached(runs: PipelineRuns) -> None:
    runs.settle()
    shutil.rmtree(runs.data / "birds")
    states = runs.run("vanished")
    results = read_results(runs.output, "vanished")
    said = {anomaly["kind"]: anomaly["sentence"] for anomaly in results.anomalies}

    assert states["DistributionValidator"] == "executed"
    assert said["vanished_class"].startswith("Class birds (")
    # Its baseline is still the same.
    assert executed(runs.run("vanished again")) == []
    again = read_results(runs.output, "vanished again")
    assert again.anomalies == results.anomalies


def test_class_that_is_new_is_learnt_beside_a_blessed_model_that_lacks_it(
    runs: PipelineRuns,
) -> None:
    (runs.data / "owls").mkdir()
    for photo in sorted((runs.data / "birds").iterdir())[::2]:
        photo.rename(runs.data / "owls" / photo.name)
    states = runs.run("new class")
    results = read_results(runs.output, "new class")

    assert states["Evaluator"] == "executed"
    assert "owls" in results.measured.confusion
    assert "new_class" in {anomaly["kind"] for anomaly in results.anomalies}


def embedded(runs: PipelineRuns) -> tuple[int, int]:
    """Returns how many photos the latest Embedder computed and reused."""
    newest = max(store_of(runs).get_artifacts_by_type("Embeddings"), key=lambda a: a.id)
    photos = newest.custom_properties["photos"].int_value
    reused = newest.custom_properties["photos_reused"].int_value
    return photos - reused, reused


def test_photos_in_the_wrong_folder_are_listed_whatever_the_split(runs: PipelineRuns) -> None:
    """Both are copies of one photo as a decoder sees it, but not byte for byte."""
    photo = min((runs.data / "mammals").iterdir())
    wrong = {runs.data / "plants" / name for name in ("moved.jpg", "copy.jpg")}
    for number, place in enumerate(sorted(wrong)):
        place.write_bytes(photo.read_bytes() + b"\0" * number)
    photo.unlink()
    runs.run("wrong")

    results = read_results(runs.output, "wrong")
    named = {s.path: s.suggested for s in results.label_suspicions if s.label == "plants"}
    assert {runs.data / path for path in named} == wrong
    assert set(named.values()) == {"mammals"}


def test_pushed_model_that_is_gone_is_pushed_again(runs: PipelineRuns) -> None:
    results = read_results(runs.output, runs.settle())
    assert results.pushed_to is not None
    Path(results.pushed_to).rename(runs.output.root / "stolen")

    forget(runs.output)
    assert executed(runs.run("after")) == ["Pusher"]
    again = read_results(runs.output, "after").pushed_to
    assert again is not None
    assert Path(again, "saved_model.pb").is_file()


def test_model_that_is_refused_is_not_pushed_and_asked_again_in_the_next_run(
    runs: PipelineRuns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Refused for being slow: in a second, TensorFlow is not even imported."""
    runs.settle()
    # Else the pipeline of this test would be kept for the plans of others.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    hasty = partial(ServingValidator, timeout_s=1)
    monkeypatch.setattr(image_pipeline, "ServingValidator", hasty)
    before = find_versions(runs.output.models)

    assert executed(runs.run("refused", as_planned=False)) == [
        "ServingValidator",
        "ReportGen",
        "Pusher",
    ]
    results = read_results(runs.output, "refused")
    assert results.blessed
    assert results.pushed_to is None
    assert results.not_pushed_because is not None
    assert results.not_pushed_because.startswith(
        "it cannot be served: its process had not ended after 1 s, while "
    )
    assert results.served.latency_ms is None
    assert find_versions(runs.output.models) == before

    forget(runs.output)
    assert executed(runs.run("refused again", as_planned=False)) == [
        "ServingValidator",
        "ReportGen",
        "Pusher",
    ]


def test_rollback_is_not_undone_by_the_next_run(runs: PipelineRuns) -> None:
    models = runs.output.models
    runs.run("in service")
    pushed = read_results(runs.output, "in service").pushed_to
    assert pushed is not None
    shutil.copytree(pushed, models / "1")
    while Path(pushed).exists():
        roll_back(models)

    forget(runs.output)
    assert executed(runs.run("rolled back")) == []
    results = read_results(runs.output, "rolled back")

    assert results.blessed
    assert results.pushed_to is None
    assert results.not_pushed_because is not None
    assert f"models promote {Path(pushed).name}" in results.not_pushed_because
    for version in find_versions(models):
        if version.withdrawn:
            version.folder.rename(models / version.folder.name)
    shutil.rmtree(models / "1")


def test_serving_preprocesses_as_training_did(runs: PipelineRuns) -> None:
    """The same photos as files, as examples, and as Transform hands them to the Trainer.

    Those of food lie on their side.
    """
    runs.run("served")
    pushed = read_results(runs.output, "served").pushed_to
    model = tf.saved_model.load(pushed)
    raw = examples_of(runs.first_output("ImageExampleGen", "examples"))
    transformed = examples_of(runs.first_output("Transform", "transformed_examples"))

    by_example = model.signatures["serving_default"](examples=raw)
    by_file = model.signatures["serving_bytes"](image_bytes=feature_of(raw, "image"))
    # Already at the model's size, so that resizing leaves it as it is.
    by_trainer = model.signatures["serving_bytes"](image_bytes=feature_of(transformed, "image_xf"))

    np.testing.assert_array_equal(by_example["probabilities"], by_file["probabilities"])
    np.testing.assert_array_equal(by_example["label"], by_file["label"])
    np.testing.assert_allclose(
        sorted(by_file["probabilities"].numpy().tolist()),
        sorted(by_trainer["probabilities"].numpy().tolist()),
        atol=1e-6,  # Batches in another order.
    )


def examples_of(folder: Path) -> tf.Tensor:
    files = [str(file) for file in (folder / "Split-eval").iterdir()]
    return tf.stack(list(tf.data.TFRecordDataset(files, "GZIP")))


def feature_of(examples: tf.Tensor, name: str) -> tf.Tensor:
    return tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([], tf.string)})[name]


def test_photo_that_tensorflow_does_not_decode_is_learnt_and_recognised_as_others(
    runs: PipelineRuns,
) -> None:
    """As PNG in the examples, so that serving needs nothing but TensorFlow."""
    tiff, cmyk = sorted((runs.data / "plants").iterdir())[:2]
    assert tiff.suffix == ".tiff"
    folder = runs.first_output("ImageExampleGen", "examples")
    files = [str(file) for file in folder.glob("Split-*/*")]
    raw = tf.stack(list(tf.data.TFRecordDataset(files, "GZIP")))
    by_path = dict(
        zip(
            feature_of(raw, "path").numpy().tolist(),
            feature_of(raw, "image").numpy().tolist(),
            strict=True,
        )
    )

    for file in (tiff, cmyk):
        assert by_path[f"plants/{file.name}".encode()].startswith(b"\x89PNG")
    photos = [Photo(file.name, str(file)) for file in (tiff, cmyk)]
    for prediction in classified(photos, PushedModel(runs.output.models)):
        assert prediction.error is None


def test_predict_reads_what_it_can(runs: PipelineRuns, tmp_path: Path) -> None:
    photo = min((runs.data / "food").iterdir())
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:200])
    paths = [str(photo), str(broken), str(tmp_path / "missing.jpg"), str(photo)]

    photos = [Photo(path, path) for path in paths]
    first, second, third, fourth = classified(photos, PushedModel(runs.output.models))

    assert isinstance(first.probabilities, dict)
    assert sum(first.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert first.label == max(first.probabilities, key=first.probabilities.__getitem__)
    assert second.error == "not a JPEG, PNG, GIF, BMP, WebP or TIFF image, or damaged"
    assert third.error == "No such file or directory"
    assert fourth.label == first.label
    # In a batch, sums are taken in another order.
    assert fourth.probabilities == pytest.approx(first.probabilities, abs=1e-5)
    assert json.dumps(first.probabilities)
