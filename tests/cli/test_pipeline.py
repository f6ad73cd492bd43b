"""Tests of `warmstart pipeline run --gpus`: what is wrong with it is said before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_programs import GPU_0, GPU_1, FakePrograms
from pipeline_runs import copy_sample
from typer.testing import CliRunner

from cli.main import app
from pipelines.config import PipelineConfig
from pipelines.environment.visible_gpus import ORDER_VARIABLE, VISIBLE_VARIABLE
from pipelines.outcome import Outcome

WITHOUT = (
    "this machine has no GPU of NVIDIA, or no driver for it (no nvidia-smi); install the driver, "
    "or set gpus to all or none."
)


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    """A machine with two GPUs."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for variable in (VISIBLE_VARIABLE, ORDER_VARIABLE):
        monkeypatch.setenv(variable, "restored after the test")
        monkeypatch.delenv(variable)
    programs = FakePrograms(folder)
    programs.nvidia_smi(GPU_0, GPU_1)
    return programs


def refusal(folder: Path, *arguments: str) -> str:
    output = folder / "output"
    result = CliRunner().invoke(
        app, ["pipeline", "run", "--data", str(folder), "--output", str(output), *arguments]
    )
    assert (result.exit_code, result.stdout) == (2, "")
    assert not output.exists()
    return result.stderr


def test_gpu_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    told = "gpus = [0, 2]: there is no GPU 2; this machine has 0, 1.\n"

    assert refusal(tmp_path, "--gpus", "0,2") == f"Error: {told}"
    assert refusal(tmp_path, "--set", "gpus=[0, 2]") == f"Error: {told}"
    assert refusal(tmp_path, "--set", "gpus=none", "--gpus", "0,2") == f"Error: {told}"


def test_number_on_a_machine_without_a_gpu_is_refused(
    tmp_path: Path, programs: FakePrograms
) -> None:
    (programs.folder / "nvidia-smi").unlink()

    assert refusal(tmp_path, "--gpus", "0") == f"Error: gpus = [0]: {WITHOUT}\n"


@pytest.mark.parametrize(
    ("arguments", "visible"),
    [
        (["--set", "gpus=[0]", "--gpus", "GPU-bbbb-1"], "1"),
        (["--set", "gpus=[1, 0]"], "1,0"),
        (["--gpus", "none"], "-1"),
        ([], None),
    ],
    ids=["option before setting", "setting", "none", "all"],
)
def test_run_starts_where_only_the_chosen_gpus_are_seen(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    visible: str | None,
) -> None:
    """What is started is left out: on a machine without GPUs it would look the same."""
    seen = []

    def started(config: PipelineConfig, *_: object, **__: object) -> Outcome:
        seen.append(os.environ.get(VISIBLE_VARIABLE))
        return Outcome(run_id=None, error="Not run.")

    monkeypatch.setattr("cli.run_progress.run_with_progress", started)
    data = copy_sample(tmp_path / "photos", photos_per_class=8)
    CliRunner().invoke(
        app,
        [
            *("pipeline", "run", "--data", str(data), "--output", str(tmp_path / "output")),
            *("--json", *arguments),
        ],
    )

    assert seen == [visible]
