"""Tests of how often a batch is halved, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.trainer.memory import BatchDivisor
from schemas.errors import PipelineError


def divisor(folder: Path, batch_size: int, replicas: int = 1) -> BatchDivisor:
    return BatchDivisor(folder, stage="frozen", batch_size=batch_size, replicas=replicas)


def at_a_time(made: BatchDivisor, caplog: pytest.LogCaptureFixture) -> list[tuple[int, int]]:
    """Doubles until that is refused; returns the numbers that were told."""

    def double_on() -> None:
        while True:
            made.double()

    caplog.clear()
    with pytest.raises(PipelineError, match="even with one photo at a time on each device"):
        double_on()
    return [
        (record.args[1], record.args[2])
        for record in caplog.records
        if isinstance(record.args, tuple)
    ]


def test_batch_is_halved_down_to_one_photo(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = divisor(tmp_path, 10)

    assert at_a_time(made, caplog) == [(10, 5), (5, 3), (3, 2), (2, 1)]
    assert made.value == 16


def test_several_devices_have_one_photo_each_in_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert at_a_time(divisor(tmp_path, 24, replicas=2), caplog) == [
        (24, 12),
        (12, 6),
        (6, 4),
        (4, 2),
    ]


def test_single_photo_cannot_be_halved(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert at_a_time(divisor(tmp_path, 1), caplog) == []
    assert list(tmp_path.iterdir()) == []


def test_next_process_begins_where_this_one_ended(tmp_path: Path) -> None:
    divisor(tmp_path, 8).double()

    assert divisor(tmp_path, 8).value == 2
    assert [file.name for file in tmp_path.iterdir()] == ["batch_divisor.json"]
