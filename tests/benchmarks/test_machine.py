"""Tests of the line that says what a comparison ran on."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.machine import Machine, this_machine
from pipelines.environment.gpus import Gpu

PACKAGES = {"tensorflow": "2.21.0", "tfx": "1.21.0"}


def proc(folder: Path, model: str) -> Path:
    (folder / "cpuinfo").write_text(f"processor\t: 0\n{model}\nprocessor\t: 1\n{model}\n")
    (folder / "meminfo").write_text("MemTotal:       16384000 kB\nMemFree:        1024 kB\n")
    return folder


def test_machine_is_described_in_one_line() -> None:
    described = str(Machine("Some CPU @ 2 GHz", 2, 16.78, [], PACKAGES))

    assert described == (
        "Some CPU @ 2 GHz, 2 cores, 17 GB of memory, no GPU, tensorflow 2.21.0, tfx 1.21.0"
    )


def test_gpus_are_named() -> None:
    described = str(Machine("Some CPU", 1, 8.0, ["One", "Two"], PACKAGES))

    assert described.startswith("Some CPU, 1 core, 8 GB of memory, One and Two, tensorflow")


def test_what_linux_and_the_driver_know_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Gpu(0, "GPU-1", "Big One", 80_000, 80_000, "580.1", 9.0)
    monkeypatch.setattr(machine, "find_gpus", lambda: [gpu])
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 5})

    found = this_machine(proc(tmp_path, "model name\t: Some CPU @ 2 GHz "))

    assert found == Machine(
        processor="Some CPU @ 2 GHz",
        cores=3,
        memory_gb=pytest.approx(16.777216),
        gpus=["Big One"],
        packages={"tensorflow": version("tensorflow"), "tfx": version("tfx")},
    )


def test_processor_without_a_name_is_said_to_have_none(tmp_path: Path) -> None:
    found = this_machine(proc(tmp_path, "cpu MHz\t: 2000"))

    assert found.processor == "unnamed processor"
