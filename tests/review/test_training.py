"""Tests of reading how training went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import PipelineRuns
from placed_artifacts import artifact_of, placed

from review.training import Stage, stages_in


def test_stages_of_a_real_run_have_a_number_for_each_epoch(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with artifact_of(first_run[0], "Trainer", "model_run") as (history, artifact):
        found = stages_in(history.files, artifact)

    assert [stage.name for stage in found] == ["frozen", "fine-tuned"]
    assert sum(stage.kept for stage in found) == 1
    for stage, epochs in zip(found, (2, 1), strict=True):
        assert set(stage.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
        assert {len(values) for values in stage.history.values()} == {epochs}
        assert stage.accuracy in stage.history["val_accuracy"]


@pytest.mark.parametrize("training", [None, 3, [], {}, {"stages": 3}, {"stages": [3, "a"]}])
def test_what_is_no_record_of_training_has_no_stages(tmp_path: Path, training: Any) -> None:
    files, artifact = placed(tmp_path, {"training.json": json.dumps(training).encode()})

    assert stages_in(files, artifact) == []


def test_values_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    history = {"loss": [1, 2.5], "accuracy": [1, "2"], "huge": [10**400], "odd": 3, "flag": [True]}
    stage = {"name": "a", "epoch": True, "accuracy": "high", "loss": 10**400, "history": history}
    content = json.dumps({"kept": "a", "stages": [stage, {}]}).encode()
    files, artifact = placed(tmp_path, {"training.json": content})

    assert stages_in(files, artifact) == [
        Stage("a", True, None, None, None, {"loss": (1.0, 2.5)}),
        Stage("None", False, None, None, None),
    ]
