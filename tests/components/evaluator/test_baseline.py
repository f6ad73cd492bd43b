"""Tests of the choice of the model that a new one must not fall behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tfx.types import Artifact, standard_artifacts

from components.evaluator.baseline import (
    CANDIDATE_KEY,
    MODEL_BLESSING_KEY,
    MODEL_KEY,
    LatestOtherBlessedModelStrategy,
)


def model(folder: Path, number: int, classes: tuple[str, ...] = ("cat", "dog")) -> Artifact:
    """Returns a model with this id in ML Metadata."""
    artifact = standard_artifacts.Model()
    artifact.id = number
    artifact.uri = str(folder / str(number))
    assets = folder / str(number) / "Format-Serving" / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    (assets / "classes.json").write_text(json.dumps(classes))
    return artifact


def blessing(of: int, blessed: bool) -> Artifact:
    """Returns what TFX's Evaluator says of a model."""
    artifact = standard_artifacts.ModelBlessing()
    artifact.id = 1000 + of
    artifact.set_int_custom_property("blessed", int(blessed))
    artifact.set_int_custom_property("current_model_id", of)
    return artifact


def resolve(
    folder: Path, models: list[int], blessings: list[tuple[int, bool]], candidate: int | None
) -> dict[str, list[int]]:
    """Returns the ids that the strategy picks, by input."""
    inputs = {
        MODEL_KEY: [model(folder, number) for number in models],
        MODEL_BLESSING_KEY: [blessing(of, blessed) for of, blessed in blessings],
        CANDIDATE_KEY: [] if candidate is None else [model(folder, candidate)],
    }
    picked = LatestOtherBlessedModelStrategy().resolve_artifacts(None, inputs)
    return {key: [artifact.id for artifact in picked[key]] for key in picked}


CASES: dict[str, tuple[list[int], list[tuple[int, bool]], int | None, int | None]] = {
    "first run": ([1], [], 1, None),
    "only the candidate is blessed": ([1], [(1, True)], 1, None),
    "an earlier one is blessed": ([1, 2], [(1, True)], 2, 1),
    "the candidate and an earlier one are blessed": ([1, 2], [(1, True), (2, True)], 2, 1),
    "the latest of several": ([1, 2, 3, 4], [(1, True), (2, True), (3, True)], 4, 3),
    "the latest is not blessed": ([1, 2, 3], [(1, True), (2, False)], 3, 1),
    "none is blessed": ([1, 2, 3], [(1, False), (2, False)], 3, None),
    "blessed models in another order": ([3, 2, 1], [(2, True), (1, True)], 3, 2),
    "an old model is the candidate again": ([1, 2, 3], [(2, True), (3, True)], 2, 3),
    "the blessed model is gone": ([2, 3], [(1, True)], 3, None),
    "no candidate": ([1, 2], [(1, True), (2, True)], None, 2),
}


@pytest.mark.parametrize(("models", "blessings", "candidate", "chosen"), CASES.values(), ids=CASES)
def test_baseline_is_the_latest_blessed_model_but_the_candidate(
    tmp_path: Path,
    models: list[int],
    blessings: list[tuple[int, bool]],
    candidate: int | None,
    chosen: int | None,
) -> None:
    picked = resolve(tmp_path, models, blessings, candidate)

    assert picked[MODEL_KEY] == ([] if chosen is None else [chosen])
    assert picked[MODEL_BLESSING_KEY] == ([] if chosen is None else [1000 + chosen])
    assert picked[CANDIDATE_KEY] == ([] if candidate is None else [candidate])


def test_later_blessing_of_a_model_evaluated_twice_is_given(tmp_path: Path) -> None:
    """A stricter second evaluation comes with a blessing of its own, under the same model."""
    first, second = blessing(1, True), blessing(1, True)
    second.id = 2000

    picked = LatestOtherBlessedModelStrategy().resolve_artifacts(
        None,
        {
            MODEL_KEY: [model(tmp_path, 1), model(tmp_path, 2)],
            MODEL_BLESSING_KEY: [first, second],
            CANDIDATE_KEY: [model(tmp_path, 2)],
        },
    )

    assert [artifact.id for artifact in picked[MODEL_BLESSING_KEY]] == [2000]


def baseline_of(folder: Path, classes: tuple[str, ...]) -> list[int]:
    """Returns the baseline of a model of cats and dogs, where a blessed one knows `classes`."""
    inputs = {
        MODEL_KEY: [model(folder, 1, classes), model(folder, 2)],
        MODEL_BLESSING_KEY: [blessing(1, True)],
        CANDIDATE_KEY: [model(folder, 2)],
    }
    picked = LatestOtherBlessedModelStrategy().resolve_artifacts(None, inputs)
    return [artifact.id for artifact in picked[MODEL_KEY]]


def test_model_that_lacks_a_class_is_no_baseline(tmp_path: Path) -> None:
    """TFMA has no number for the label of a photo of that class, and fails."""
    assert baseline_of(tmp_path, ("cat",)) == []
    assert baseline_of(tmp_path, ("cat", "bird", "dog")) == [1]


def test_model_whose_folder_is_gone_is_no_baseline(tmp_path: Path) -> None:
    inputs = {
        MODEL_KEY: [model(tmp_path, 1), model(tmp_path, 2)],
        MODEL_BLESSING_KEY: [blessing(1, True)],
        CANDIDATE_KEY: [model(tmp_path, 2)],
    }
    shutil.rmtree(tmp_path / "1")

    assert LatestOtherBlessedModelStrategy().resolve_artifacts(None, inputs)[MODEL_KEY] == []
