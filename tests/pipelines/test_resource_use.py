"""Tests of measuring what a component takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import resource_use
from pipelines.resource_use import ResourceMeter

MEGABYTE = 1 << 20


def work(seconds: float) -> str:
    return f"import time\nwhile time.process_time() < {seconds}: pass"


def test_processor_time_of_the_process_and_its_children_is_counted() -> None:
    meter = ResourceMeter()
    exec_time = sum(number * number for number in range(300_000))
    subprocess.run([sys.executable, "-c", work(0.3)], check=True)

    assert exec_time
    assert 0.3 <= meter.read().cpu_seconds < 30


def test_peak_is_that_since_the_meter_began() -> None:
    first = ResourceMeter()
    block = bytearray(300 * MEGABYTE)
    high = first.read().peak_memory
    del block
    second = ResourceMeter().read().peak_memory

    assert high is not None
    assert second is not None
    assert high - second > 200 * MEGABYTE


def test_peak_is_not_told_where_it_cannot_be_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource_use, "_PROC", tmp_path / "none")

    assert ResourceMeter().read().peak_memory is None
