"""How components are launched: where the engine says, and not taken for done unless they are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from ml_metadata.proto import metadata_store_pb2
from pipeline_runs import QUICK, PipelineRuns

from pipelines.config import load_config
from pipelines.folders import OutputFolders, prepare_output
from pipelines.local_runner import compiled_pipeline
from pipelines.metadata_store import opened
from pipelines.pipeline_run import PipelineRun
from schemas.errors import PipelineError


class WritesNothing(FnApiRunner):
    """Says that it succeeded, and did nothing: as an engine did that computed one branch only."""

    def run_pipeline(self, pipeline: Any, options: Any) -> Any:
        del pipeline
        empty = beam.Pipeline(options=options)
        _ = empty | beam.Create([])
        return super().run_pipeline(empty, options)


@pytest.fixture
def output(runs: PipelineRuns, tmp_path: Path) -> OutputFolders:
    """A folder where earlier runs are known, but nothing is seen by later ones."""
    made = prepare_output(tmp_path)
    shutil.copy(runs.output.metadata, made.metadata)
    return made


def begun(
    runs: PipelineRuns, output: OutputFolders, runner: str, *overrides: str, run_id: str = "one"
) -> PipelineRun:
    config = load_config(None, [*QUICK, *overrides])
    compiled = compiled_pipeline(config, data=str(runs.data), output=output)
    arguments = [f"--runner={runner}", "--sdk_container_image=none"]
    return PipelineRun(compiled, run_id, beam_arguments=arguments)


def test_engine_is_no_part_of_the_cache_key(runs: PipelineRuns, output: OutputFolders) -> None:
    run = begun(runs, output, "no.such.Runner")

    for node in run.nodes[:2]:
        # The launcher makes the executor's temporary folder only if it runs the executor.
        assert not run.run_node(node).tmp_dir


def test_component_that_wrote_nothing_fails_and_is_not_cached(
    runs: PipelineRuns, output: OutputFolders
) -> None:
    other = "split.seed=99"
    run = begun(runs, output, f"{WritesNothing.__module__}.WritesNothing", other)

    with pytest.raises(PipelineError) as error:
        run.run_node(run.nodes[0])

    failed = max(opened(output).get_executions(), key=lambda execution: execution.id)
    uri = output.artifacts / "ImageExampleGen" / "examples" / str(failed.id)
    assert str(error.value) == (
        "ImageExampleGen ended without an error, but its output examples has no file of the "
        f"split train in {uri}; run again, and if it stays so, take another engine.name."
    )
    assert failed.last_known_state == metadata_store_pb2.Execution.FAILED
    assert not uri.exists()

    again = begun(runs, output, "FnApiRunner", other, run_id="two")
    assert again.run_node(again.nodes[0]).tmp_dir
