"""Tests of the GPUs that a run may see: what it was told, within what it was given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_programs import GPU_0, GPU_1, FakePrograms

from pipelines.environment.visible_gpus import (
    ORDER_VARIABLE,
    VISIBLE_VARIABLE,
    setting_of,
    show_gpus,
)
from schemas.errors import ConfigError

GPU_2 = "2, GPU-bbbb-2, NVIDIA GeForce RTX 3060, 12288, 12000, 550.54.15, 8.6"


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    """A machine with three GPUs, all of which may be seen."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in (VISIBLE_VARIABLE, ORDER_VARIABLE):
        monkeypatch.setenv(variable, "restored after the test")
        monkeypatch.delenv(variable)
    programs = FakePrograms(tmp_path)
    programs.nvidia_smi(GPU_0, GPU_1, GPU_2)
    return programs


def refusal(*chosen: int) -> str:
    before = dict(os.environ)
    with pytest.raises(ConfigError) as error:
        show_gpus(chosen)
    assert dict(os.environ) == before
    return str(error.value)


def test_chosen_gpus_are_those_that_a_child_sees_by_nvidia_smis_numbers() -> None:
    show_gpus([2, 0])

    program = f"import os; print(os.environ[{VISIBLE_VARIABLE!r}], os.environ[{ORDER_VARIABLE!r}])"
    seen = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert seen.stdout == "2,0 PCI_BUS_ID\n"


def test_none_hides_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE_VARIABLE, "1")

    show_gpus("none")

    assert os.environ[VISIBLE_VARIABLE] == "-1"


@pytest.mark.parametrize("limit", [None, "", "1,0", "-1", "MIG-1a"])
def test_all_are_those_that_the_environment_shows(
    monkeypatch: pytest.MonkeyPatch, programs: FakePrograms, limit: str | None
) -> None:
    """On a machine without a driver, too, which then works on its processors."""
    (programs.folder / "nvidia-smi").unlink()
    if limit is not None:
        monkeypatch.setenv(VISIBLE_VARIABLE, limit)

    show_gpus("all")

    assert os.environ.get(VISIBLE_VARIABLE) == limit
    assert ORDER_VARIABLE not in os.environ


@pytest.mark.parametrize("limit", ["0,2", "GPU-aaaa-0,GPU-bbbb-2", "2,GPU-aa", "2, 0,-1"])
def test_choice_is_made_within_what_the_environment_shows(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv(VISIBLE_VARIABLE, limit)

    show_gpus([2])
    assert os.environ[VISIBLE_VARIABLE] == "2"

    monkeypatch.setenv(VISIBLE_VARIABLE, limit)
    assert refusal(0, 1) == (
        f"gpus = [0, 1]: CUDA_VISIBLE_DEVICES = {limit} in the environment hides GPU 1; choose one "
        "that it shows, or unset it if all are yours."
    )


@pytest.mark.parametrize(
    "limit", ["", "-1", "-1,0", "NoDevFiles", "MIG-1a", "GPU-bbbb,0", "GPU-,0"]
)
def test_environment_that_shows_none_has_none_to_choose(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """CUDA reads up to the first that is no GPU, or not a single one."""
    monkeypatch.setenv(VISIBLE_VARIABLE, limit)

    assert refusal(0).startswith(f"gpus = [0]: CUDA_VISIBLE_DEVICES = {limit} in the environment")


def test_same_choice_may_be_made_twice() -> None:
    """By the command line, before it imports TensorFlow, and by what it calls."""
    show_gpus([1])
    show_gpus([1])

    assert os.environ[VISIBLE_VARIABLE] == "1"


def test_gpu_that_does_not_exist_is_told() -> None:
    assert refusal(0, 7) == "gpus = [0, 7]: there is no GPU 7; this machine has 0, 1, 2."


def test_machine_without_a_gpu_is_told(programs: FakePrograms) -> None:
    (programs.folder / "nvidia-smi").unlink()

    assert refusal(0) == (
        "gpus = [0]: this machine has no GPU of NVIDIA, or no driver for it (no nvidia-smi); "
        "install the driver, or set gpus to all or none."
    )


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("all", "gpus=all"),
        ("none", "gpus=none"),
        ("7", "gpus=[7]"),
        ("2, 0", "gpus=[2, 0]"),
        ("GPU-bbbb-1,0", "gpus=[1, 0]"),
    ],
)
def test_option_is_a_setting(option: str, setting: str) -> None:
    assert setting_of(option) == setting


def test_option_names_no_gpu_by_a_uuid_that_there_is_not(programs: FakePrograms) -> None:
    with pytest.raises(ConfigError) as error:
        setting_of("GPU-c")
    assert str(error.value) == "--gpus GPU-c: there is no such GPU; this machine has 0, 1, 2."

    (programs.folder / "nvidia-smi").unlink()
    with pytest.raises(ConfigError) as error:
        setting_of("GPU-c")
    assert str(error.value) == "--gpus GPU-c: there is no such GPU; this machine has none."
