"""Tests of running components one after the other; whole runs are tested end to end."""

from __future__ import annotations

from typing import Any

import pytest
from pipeline_runs import QUICK, PipelineRuns

from pipelines.config import load_config
from pipelines.local_runner import run
from pipelines.outcome import RUNNING, SKIPPED, ComponentRun
from pipelines.pipeline_run import PipelineRun


def test_ctrl_c_between_two_components_skips_all_that_did_not_begin(
    runs: PipelineRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[ComponentRun] = []
    run_node = PipelineRun.run_node

    def interrupted(self: PipelineRun, node: Any) -> Any:
        if node.node_info.id == "SchemaGen":
            raise KeyboardInterrupt
        return run_node(self, node)

    monkeypatch.setattr(PipelineRun, "run_node", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(
            load_config(None, [*QUICK]),
            data=str(runs.data),
            output=runs.output,
            run_id="interrupted between two",
            listener=told.append,
        )

    ended = [one for one in told if one.state != RUNNING]
    assert [one.id for one in ended[:3]] == ["ImageExampleGen", "StatisticsGen", "SchemaGen"]
    assert SKIPPED not in {one.state for one in ended[:2]}
    assert len({one.id for one in ended}) == len(ended) == 15
    assert {one.state for one in ended[2:]} == {SKIPPED}
