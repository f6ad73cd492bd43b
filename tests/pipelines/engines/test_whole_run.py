"""A whole run on an engine of other processes, and what another engine then finds done."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline_runs import PipelineRuns, copy_sample

from components.serving.model_folder import numbered_folders
from pipelines.engines.config import EngineConfig
from pipelines.folders import prepare_output

pytestmark = pytest.mark.slow

LOOK_UPS = {"latest_statistics", "latest_blessed_model"}


def test_run_is_whole_and_in_memory_nothing_is_left_to_do(
    engine: EngineConfig, tmp_path: Path
) -> None:
    runs = PipelineRuns(copy_sample(tmp_path / "photos"), prepare_output(tmp_path / "output"))
    chosen = [f"engine.name={engine.name}", f"engine.workers={engine.workers}"]
    if engine.address:
        chosen.append(f"engine.address={engine.address}")

    states = runs.run("elsewhere", *chosen)
    again = runs.run("here")

    assert set(states.values()) == {"executed"}
    assert len(list(numbered_folders(runs.output.models))) == 1
    assert {name for name, state in again.items() if state != "cached"} == LOOK_UPS
