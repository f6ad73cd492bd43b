"""What a worker has to have done before it unpickles anything."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["pipelines.engines.dask_tasks", "pipelines.engines.worker_process"]
)
def test_worker_lets_tfx_stand_in_for_what_tfdv_lacks(module: str) -> None:
    """Else StatisticsGen fails on a worker that did nothing before: TFDV comes out of its code."""
    script = f"import sys, {module}; print('tfx_bsl.arrow.sql_util' in sys.modules)"

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert result.stdout == "True\n"
