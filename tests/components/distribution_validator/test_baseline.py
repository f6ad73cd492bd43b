"""Tests of the choice of the statistics that this run's are compared with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.types import Artifact, standard_artifacts

from components.distribution_validator.baseline import (
    CURRENT_KEY,
    STATISTICS_KEY,
    LatestOtherStatisticsStrategy,
)


def statistics(number: int, folder: Path) -> Artifact:
    artifact = standard_artifacts.ExampleStatistics()
    artifact.id = number
    artifact.uri = str(folder)
    return artifact


CASES: dict[str, tuple[list[int], int, int | None]] = {
    "first run": ([1], 1, None),
    "second run, other photos": ([1, 2], 2, 1),
    "third run on other photos": ([1, 2, 3], 3, 2),
    "in another order": ([2, 3, 1], 3, 2),
    "first photos again": ([1, 2, 3], 1, 3),
}


@pytest.mark.parametrize(("known", "current", "chosen"), CASES.values(), ids=CASES)
def test_baseline_is_the_latest_but_the_current(
    known: list[int], current: int, chosen: int | None, tmp_path: Path
) -> None:
    inputs = {
        STATISTICS_KEY: [statistics(number, tmp_path) for number in known],
        CURRENT_KEY: [statistics(current, tmp_path)],
    }
    picked = LatestOtherStatisticsStrategy().resolve_artifacts(None, inputs)

    assert [a.id for a in picked[STATISTICS_KEY]] == ([] if chosen is None else [chosen])
    assert [a.id for a in picked[CURRENT_KEY]] == [current]


def test_statistics_whose_folder_was_deleted_do_not_count(tmp_path: Path) -> None:
    inputs = {
        STATISTICS_KEY: [statistics(1, tmp_path), statistics(2, tmp_path / "deleted")],
        CURRENT_KEY: [statistics(3, tmp_path)],
    }
    picked = LatestOtherStatisticsStrategy().resolve_artifacts(None, inputs)

    assert [artifact.id for artifact in picked[STATISTICS_KEY]] == [1]
