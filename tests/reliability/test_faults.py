"""Tests of whole runs that something is done to from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from killed_runs import SETTINGS, Attempt, assert_nothing_half, attempt, list_runs, result_of
from pipeline_runs import copy_sample

from components.serving.model_folder import numbered_folders
from components.serving.versions import find_versions, run_id_of

# With these, root is bound by permissions like anyone else.
BOUND = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]

# Debian's package `faketime` has it, below /usr/lib.
FAKE_CLOCK = "*-linux-gnu/faketime/libfaketimeMT.so.1"

RESOLVERS = {"latest_statistics", "latest_blessed_model"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sample(tmp_path_factory.mktemp("faults") / "photos", photos_per_class=8)


@pytest.fixture(scope="module")
def two_at_once(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Attempt]]:
    """The folder of models that two runs, of two output folders, pushed into at once."""
    folder = tmp_path_factory.mktemp("two")
    models = folder / "models"
    models.mkdir()
    outputs = [folder / "one", folder / "two"]
    for output in outputs:
        output.mkdir()
        (output / "models").symlink_to(models)
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda output: attempt(data, output), outputs))
    for output in outputs:
        assert_nothing_half(output)
    return models, made


@pytest.mark.slow
def test_two_runs_that_share_a_folder_of_models_both_push(
    two_at_once: tuple[Path, list[Attempt]],
) -> None:
    models, made = two_at_once

    assert [attempted.exit_code for attempted in made] == [0, 0]
    versions = {run_id_of(folder): folder.name for folder in numbered_folders(models)}
    pushed = {run.outcome["run_id"]: Path(run.outcome["pushed_to"]).name for run in made}
    assert versions == pushed
    assert len({version.number for version in find_versions(models)}) == 2
    assert result_of(made[0].outcome) == result_of(made[1].outcome)


@pytest.mark.slow
def test_photos_that_are_deleted_after_they_were_read_change_nothing(
    data: Path, tmp_path: Path, two_at_once: tuple[Path, list[Attempt]]
) -> None:
    photos, output = tmp_path / "photos", tmp_path / "output"
    shutil.copytree(data, photos)

    def delete(ended: str) -> bool:
        if ended == "ImageExampleGen":
            shutil.rmtree(photos)
        return False

    made = attempt(photos, output, kill_at=delete)

    assert not photos.exists()
    _, (undisturbed, _) = two_at_once
    assert result_of(made.outcome) == result_of(undisturbed.outcome)


@pytest.mark.slow
def test_permission_that_is_lost_midway_costs_what_was_not_finished(
    data: Path, tmp_path: Path, two_at_once: tuple[Path, list[Attempt]]
) -> None:
    output = tmp_path / "output"
    prefix = _bound(tmp_path)

    def close(ended: str) -> bool:
        if ended == "SchemaGen":
            _set_writable(output, writable=False)
        return False

    made = attempt(data, output, kill_at=close, prefix=prefix)
    _set_writable(output, writable=True)
    again = attempt(data, output, prefix=prefix)

    (failed,) = (node for node, state in made.states.items() if state == "failed")
    assert made.exit_code == 1
    assert made.outcome["error"] == (
        f"{failed} failed: {output} can no longer be written to; make it writable, and run the "
        "same command again: what is finished is not done again."
    )
    done = {node for node, state in made.states.items() if state == "executed"} - RESOLVERS
    assert {"ImageExampleGen", "StatisticsGen", "SchemaGen"} <= done
    assert {again.states[node] for node in done} == {"cached"}
    _, (undisturbed, _) = two_at_once
    assert result_of(again.outcome) == result_of(undisturbed.outcome)


@pytest.mark.slow
def test_clock_that_was_set_back_before_a_run_makes_nothing_older(
    data: Path, tmp_path: Path, two_at_once: tuple[Path, list[Attempt]]
) -> None:
    output, back = tmp_path / "output", _with_clock_set_back()
    changed = (*SETTINGS, "frozen.learning_rate=0.002")

    first = attempt(data, output)
    second = attempt(data, output, prefix=back, settings=changed)
    again = attempt(data, output, prefix=back, settings=changed)

    assert [made.exit_code for made in (first, second, again)] == [0, 0, 0]
    _, (undisturbed, _) = two_at_once
    assert result_of(first.outcome) == result_of(undisturbed.outcome)
    assert (second.states["Embedder"], second.states["Trainer"]) == ("cached", "executed")
    assert {state for node, state in again.states.items() if node not in RESOLVERS} == {"cached"}
    ids = [made.outcome["run_id"] for made in (first, second)]
    assert ids == sorted(ids, reverse=True)
    versions = [int(Path(made.outcome["pushed_to"]).name) for made in (first, second)]
    assert versions == sorted(set(versions))
    listed = list_runs(output)
    assert listed.returncode == 0, listed.stderr
    found = [run["run"] for run in json.loads(listed.stdout)]
    assert found == [made.outcome["run_id"] for made in (again, second, first)]


def _with_clock_set_back() -> Sequence[str]:
    """Returns a prefix for commands whose clocks, all of them, are twenty minutes slow.

    A jump within a run cannot be had this way: libfaketime 0.9.10 moves the monotonic clock, too,
    or fails where Python sleeps.
    """
    library = next(Path("/usr/lib").glob(FAKE_CLOCK), None)
    if library is None:
        pytest.skip("this machine has no libfaketime (Debian's package faketime)")
    return ["env", f"LD_PRELOAD={library}", "FAKETIME=-20m", "NO_FAKE_STAT=1"]


def _bound(folder: Path) -> Sequence[str]:
    if os.geteuid() != 0:
        return []
    closed = folder / "closed"
    closed.mkdir(mode=0o555)
    if shutil.which(BOUND[0]) is None or not _fails([*BOUND, "touch", str(closed / "file")]):
        pytest.skip("this machine lets root write everywhere")
    return BOUND


def _fails(command: Sequence[str]) -> bool:
    done: Any = subprocess.run(command, capture_output=True, check=False)
    return bool(done.returncode)


def _set_writable(folder: Path, *, writable: bool) -> None:
    for place in (folder, *folder.rglob("*")):
        mode = place.stat().st_mode
        place.chmod(mode | 0o200 if writable else mode & ~0o222)
