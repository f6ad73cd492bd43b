"""Tests that a run which is killed goes on, and comes to the same as one that is not."""

from __future__ import annotations

import logging
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from killed_runs import Attempt, assert_nothing_half, attempt, result_of
from ml_metadata.proto import metadata_store_pb2 as mlmd
from pipeline_runs import QUICK, PipelineRuns, copy_sample
from trace_collector import trace_collector, values

from pipelines.folders import OutputFolders
from pipelines.metadata_store import opened
from pipelines.results import read_results

KILLS = 50

# In the order of the chain.
COMPONENTS = (
    *("ImageExampleGen", "StatisticsGen", "SchemaGen", "latest_statistics"),
    *("DistributionValidator", "ExampleValidator", "Transform", "Embedder", "LabelReview"),
    *("Trainer", "ServingValidator", "latest_blessed_model", "Evaluator", "ReportGen", "Pusher"),
)
RESOLVERS = {"latest_statistics", "latest_blessed_model"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sample(tmp_path_factory.mktemp("kills") / "photos", photos_per_class=8)


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made = attempt(data, tmp_path_factory.mktemp("undisturbed") / "output")
    assert made.outcome
    return result_of(made.outcome)


def assert_goes_on(before: Attempt, after: Attempt) -> None:
    """Asserts that what was finished is reused, whatever component was interrupted."""
    finished = before.states.keys() - RESOLVERS
    assert {after.states[node] for node in finished & after.states.keys()} <= {"cached"}


def test_run_killed_at_some_moment_goes_on(runs: PipelineRuns) -> None:
    """A sample of what follows: of the first run of all tests, what measures and pushes its model.

    The moment is another one each time, and logged: pytest shows it if the test fails.
    """
    # The command line puts the split's name in the place of `auto`, a run in this process does not.
    settings = ("evaluate.thresholds.log_loss.max=99", "evaluate.split=eval")
    chance = random.Random()
    component, pause = chance.choice(COMPONENTS[10:]), chance.uniform(0, 2)
    logging.getLogger(__name__).warning("Killed %.3f s after %s.", pause, component)

    def at(ended: str) -> bool:
        if ended == component:
            time.sleep(pause)
        return ended == component

    made = attempt(runs.data, runs.output.root, kill_at=at, settings=(*QUICK, *settings))
    assert_nothing_half(runs.output.root)
    states = runs.run("after a kill", *settings)

    assert {states[node] for node in made.states.keys() - RESOLVERS} == {"cached"}
    first, last = (read_results(runs.output, run) for run in ("first", "after a kill"))
    assert last.measured.metrics == first.measured.metrics
    assert last.pushed_to is not None
    assert (Path(last.pushed_to) / "saved_model.pb").exists()


@pytest.mark.slow
def test_run_killed_after_each_component_repeats_none(
    data: Path, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    output = tmp_path / "output"
    before = Attempt()
    for component in COMPONENTS:
        made = attempt(data, output, kill_at=lambda ended, node=component: ended == node)
        assert_nothing_half(output)
        assert_goes_on(before, made)
        before = made
    last = attempt(data, output)

    assert_goes_on(before, last)
    assert result_of(last.outcome) == undisturbed


@pytest.mark.slow
def test_run_killed_at_random_moments_comes_to_the_same(
    data: Path, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    """Fifty kills; each pipeline that came to its end is begun anew in another folder."""
    chance = random.Random(0)
    kills = pipelines = 0
    while kills < KILLS:
        output = tmp_path / str(pipelines)
        pipelines += 1
        before = Attempt()
        while not (made := attempt(data, output, kill_after=chance.uniform(1, 45))).outcome:
            assert made.killed
            kills += 1
            assert_nothing_half(output)
            assert_goes_on(before, made)
            before = made
        assert result_of(made.outcome) == undisturbed


@pytest.mark.slow
def test_training_killed_after_each_epoch_repeats_none(
    data: Path, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    output = tmp_path / "output"
    epochs = [*(f"frozen {number}" for number in range(1, 5)), "fine-tuned 1", "fine-tuned 2"]
    seen: list[str] = []
    for epoch in epochs:
        made = attempt(data, output, kill_at=lambda ended, name=epoch: ended == name)
        seen += made.epochs
    last = attempt(data, output)

    # An epoch is logged a moment before it is kept: a kill in between repeats this one.
    assert sorted(set(seen + last.epochs)) == sorted(epochs)
    assert len(seen + last.epochs) <= 2 * len(epochs)
    assert result_of(last.outcome) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("component", ["Transform", "Embedder", "Trainer", "Evaluator"])
def test_ctrl_c_stops_a_run_within_seconds_and_it_goes_on(
    component: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    before = COMPONENTS[COMPONENTS.index(component) - 1]
    asked: list[float] = []

    def at(ended: str) -> bool:
        # A line that was being printed may be printed again; a second Ctrl-C ends at once.
        if ended != before or asked:
            return False
        asked.append(time.monotonic())
        return True

    with trace_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        made = attempt(data, output, kill_at=at, with_signal=signal.SIGINT)
        monkeypatch.undo()
    assert time.monotonic() - asked[0] < 5
    assert (made.killed, made.exit_code) == (True, 130)
    assert values(collector.root().attributes)["cicd.pipeline.result"] == "cancellation"
    found = values(collector.parts()[component].attributes)
    # The signal may be heard before it has begun.
    assert found["warmstart.state"] in {"cancelled", "skipped"}
    assert_nothing_half(output)
    states = {
        execution.last_known_state for execution in opened(OutputFolders(output)).get_executions()
    }
    assert mlmd.Execution.RUNNING not in states
