"""Tests of what the Evaluator of a real run left behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ml_metadata import MetadataStore
from pipeline_runs import PipelineRuns
from tfx.components.evaluator import constants
from tfx.orchestration.metadata import sqlite_metadata_connection_config

# TFX first: it stands in for a module of tfx_bsl that TFDV 1.16 imports and 1.21 lacks.
import tensorflow_model_analysis as tfma  # isort: skip

from components.evaluator.answers import Answers, read_answers
from components.evaluator.measured import Measured, read_measured
from components.evaluator.measuring import measure
from components.evaluator.slices import SLICES, slices_of


def measured_and_answers(runs: PipelineRuns) -> tuple[Measured, Answers]:
    folder = runs.first_artifact("ModelEvaluation").uri
    measured = read_measured(folder)
    return measured, read_answers(folder, [one.label for one in measured.classes])


def test_every_evaluation_photo_has_an_answer(runs: PipelineRuns) -> None:
    measured, answers = measured_and_answers(runs)

    assert answers.classes == ["birds", "food", "mammals", "plants"]
    assert len(answers.paths) == len(set(answers.paths)) == measured.photos > 0
    assert all((runs.data / path).is_file() for path in answers.paths)
    for path, label in zip(answers.paths, answers.labels, strict=True):
        assert Path(path).parent.name == answers.classes[label]
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-5)
    assert answers.baseline is None
    assert (answers.features["brightness"] > 0).all()


def test_measured_is_what_the_answers_say(runs: PipelineRuns) -> None:
    measured, answers = measured_and_answers(runs)

    assert measured == measure(answers, slices_of(answers, SLICES))


def test_tfma_found_the_same(runs: PipelineRuns) -> None:
    measured, _ = measured_and_answers(runs)
    result = tfma.load_eval_result(runs.first_artifact("ModelEvaluation").uri)
    by_slice = {key: metrics[""][""] for key, metrics in result.slicing_metrics}

    found = {name: by_slice[()][name]["doubleValue"] for name in measured.metrics}
    assert found == pytest.approx(measured.metrics)
    for part in measured.slices:
        of_slice = by_slice[((part.feature, part.value),)]
        assert of_slice["accuracy"]["doubleValue"] == part.accuracy
        assert of_slice["example_count"]["doubleValue"] == part.photos
    for one in measured.classes:
        assert by_slice[(("label", one.label),)]["accuracy"]["doubleValue"] == one.recall


def test_blessing_says_what_tfx_reads(runs: PipelineRuns) -> None:
    blessing, model = runs.first_artifact("ModelBlessing"), runs.first_artifact("Model")
    properties = blessing.custom_properties

    assert properties[constants.ARTIFACT_PROPERTY_BLESSED_KEY].int_value == 1
    assert properties[constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY].int_value == model.id
    assert properties[constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY].string_value == model.uri
    assert constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY not in properties
    assert [file.name for file in Path(blessing.uri).iterdir()] == [constants.BLESSED_FILE_NAME]


@pytest.mark.slow
def test_second_model_is_compared_on_the_same_photos(runs: PipelineRuns) -> None:
    first, answered = measured_and_answers(runs)
    states = runs.run("evaluated", "head.units=16", "evaluate.thresholds.accuracy.max_drop=-1.0")
    store = MetadataStore(sqlite_metadata_connection_config(str(runs.output.metadata)))
    latest = {
        kind: max(store.get_artifacts_by_type(kind), key=lambda artifact: artifact.id)
        for kind in ("ModelEvaluation", "ModelBlessing", "Model")
    }
    second = read_measured(latest["ModelEvaluation"].uri)
    answers = read_answers(latest["ModelEvaluation"].uri, answered.classes)

    assert states["Evaluator"] == "executed"
    assert answers.paths == answered.paths
    assert answers.baseline is not None
    np.testing.assert_allclose(answers.baseline, answered.probabilities, atol=1e-6)
    assert second.baseline is not None
    assert second.baseline.metrics == pytest.approx(first.metrics, abs=1e-5)
    gain = second.baseline.gain
    assert gain == pytest.approx(second.metrics["accuracy"] - first.metrics["accuracy"])
    assert second.reasons == [
        "accuracy must be 1.000 better than that of the latest blessed model "
        f"(evaluate.thresholds.accuracy.max_drop = -1.0), and is {abs(gain):.3f} "
        f"{'worse' if gain < 0 else 'better'}"
    ]
    properties = latest["ModelBlessing"].custom_properties
    assert properties["blessed"].int_value == 0
    assert properties["current_model_id"].int_value == latest["Model"].id
    assert properties["baseline_model_id"].int_value < latest["Model"].id
    config = json.loads(Path(latest["ModelEvaluation"].uri, "eval_config.json").read_text())
    assert len(config["evalConfig"]["modelSpecs"]) == 2
