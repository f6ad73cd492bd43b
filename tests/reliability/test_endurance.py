"""Tests that many runs in a row leave behind what they made, and nothing else."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from pipeline_runs import PipelineRuns, copy_sample

from components.serving.model_folder import numbered_folders
from pipelines.folders import prepare_output
from pipelines.results import read_results

RUNS = 100
# Every tenth trains; the others measure and push a model that is there.
TRAINS_EVERY = 10
# TensorFlow and Beam keep what they made first.
WARM = 20

# Bytes that a run may leave in use, of TensorFlow's and Beam's own. The graph of a training, with
# the weights that it has captured, is 20 MB: 2 MB a run, if each were kept.
MOST_KEPT = 1_000_000
# Bytes by which the process may grow with each run: the gaps between what is in use, too, which
# glibc can't give back.
MOST_GROWTH = 3_000_000


class _Mallinfo2(ctypes.Structure):
    """What glibc's mallinfo2(3) returns, in bytes but for the counts of chunks."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


@dataclass(frozen=True)
class Left:
    """What the process and the store hold after a run.

    Attributes:
        kept: memory that was asked for and not given back, in bytes: malloc's and Arrow's.
        memory: that the process holds, in bytes: the gaps between what is kept, too.
        descriptors: that are open.
        threads: of the process.
        store: of ML Metadata, in bytes.
    """

    kept: int
    memory: int
    descriptors: int
    threads: int
    store: int


def _left(runs: PipelineRuns) -> Left:
    gc.collect()
    glibc = ctypes.CDLL(None)
    # What was freed but not yet given back by glibc: half a gigabyte, more or less by chance.
    glibc.malloc_trim(0)
    glibc.mallinfo2.restype = _Mallinfo2
    malloc = glibc.mallinfo2()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return Left(
        kept=malloc.uordblks + malloc.hblkhd + pa.total_allocated_bytes(),
        memory=pages * os.sysconf("SC_PAGE_SIZE"),
        descriptors=len(os.listdir("/proc/self/fd")),
        threads=len(os.listdir("/proc/self/task")),
        store=runs.output.metadata.stat().st_size,
    )


@pytest.mark.slow
def test_hundred_runs_in_one_process_leave_what_they_made_and_nothing_else(
    tmp_path: Path,
) -> None:
    photos = copy_sample(tmp_path / "photos", photos_per_class=8)
    runs = PipelineRuns(photos, prepare_output(tmp_path / "output"))
    left = []
    for number in range(RUNS):
        changed = (
            f"frozen.learning_rate={0.001 + number // TRAINS_EVERY / 1e5}",
            f"evaluate.thresholds.log_loss.max={99 + number}",
        )
        states = runs.run(f"run {number}", *changed)
        trained = "executed" if number % TRAINS_EVERY == 0 else "cached"
        assert (states["Trainer"], states["Evaluator"]) == (trained, "executed")
        left.append(_left(runs))
        logging.getLogger(__name__).warning("After run %d: %s", number, left[-1])

    warm, middle, last = left[WARM - 1], left[(WARM + RUNS) // 2 - 1], left[-1]
    assert last.descriptors <= warm.descriptors
    assert last.threads <= warm.threads
    assert last.kept - warm.kept < (RUNS - WARM) * MOST_KEPT
    assert last.memory - warm.memory < (RUNS - WARM) * MOST_GROWTH
    assert last.store - middle.store < 1.1 * (middle.store - warm.store)
    assert len(list(numbered_folders(runs.output.models))) <= 10
    assert read_results(runs.output, f"run {RUNS - 1}").pushed_to is not None
