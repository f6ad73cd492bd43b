"""Tests of running components one by one; nearly all comes from the cache of the first run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import QUICK, PipelineRuns

from pipelines.config import load_config, plain_yaml
from pipelines.folders import prepare_output
from pipelines.image_pipeline import create_pipeline
from pipelines.interactive import PipelineContext
from pipelines.run_facts import RunFacts
from review.history import History
from review.records import Run
from review.store import opened
from schemas import run_record

# What the Trainer needs, and itself.
TRAINED = ["ImageExampleGen", "StatisticsGen", "SchemaGen", "Transform", "Embedder", "Trainer"]


class Notebook:
    """A pipeline, and a context as a notebook has it."""

    def __init__(self, runs: PipelineRuns) -> None:
        config = load_config(None, list(QUICK))
        self.pipeline = create_pipeline(config, data=str(runs.data), output=runs.output)
        facts = RunFacts(configuration=plain_yaml(config.resolved), data=str(runs.data))
        self.context = PipelineContext(self.pipeline, runs.output, facts=facts)
        self._output = runs.output
        self._first = len(self._runs())

    def component(self, name: str) -> Any:
        (found,) = [one for one in self.pipeline.components if one.id == name]
        return found

    def run(self, name: str, **options: bool) -> Any:
        return self.context.run(self.component(name), **options)

    def runs(self) -> list[Run]:
        """The runs that it made, the oldest first."""
        return self._runs()[self._first :]

    def states(self) -> list[dict[str, str]]:
        return [{one.node: one.state for one in run.executions} for run in self.runs()]

    def _runs(self) -> list[Run]:
        if not self._output.metadata.exists():
            return []
        with opened(self._output) as store:
            history = History(store, self._output.root)
            return history.read(reversed(history.runs()))


@pytest.fixture
def notebook(runs: PipelineRuns) -> Notebook:
    runs.settle()
    return Notebook(runs)


def test_component_runs_after_what_it_needs_in_the_same_run(notebook: Notebook) -> None:
    notebook.run("ImageExampleGen")
    notebook.run("Trainer")

    assert notebook.states() == [dict.fromkeys(TRAINED, "cached")]
    (run,) = notebook.runs()
    assert {"Evaluator", "Pusher"} <= set(run.unreached)
    assert "learning_rate" in str(run.head.record[run_record.CONFIGURATION])


def test_what_a_component_prints_goes_to_its_log(
    notebook: Notebook, capfd: pytest.CaptureFixture[str], runs: PipelineRuns
) -> None:
    notebook.run("StatisticsGen")

    (run,) = notebook.runs()
    log = runs.output.runs / run.name / "logs" / "StatisticsGen.txt"
    assert " WARNING absl: ArtifactQuery.property_predicate is not supported." in log.read_text()
    assert capfd.readouterr() == ("", "")


def test_outputs_hold_the_artifacts(notebook: Notebook) -> None:
    result = notebook.run("Trainer")

    (model,) = notebook.component("Trainer").outputs["model"].get()
    assert Path(model.uri, "Format-Serving", "saved_model.pb").is_file()
    assert result.execution_id == max(one.id for one in notebook.runs()[0].executions)
    (examples,) = notebook.component("ImageExampleGen").outputs["examples"].get()
    assert Path(examples.uri, "Split-train").is_dir()


def test_component_that_is_run_again_begins_a_new_run(runs: PipelineRuns, tmp_path: Path) -> None:
    """In an output folder of its own: what other tests reuse is not made anew."""
    notebook = Notebook(PipelineRuns(runs.data, prepare_output(tmp_path)))
    notebook.run("ImageExampleGen")
    notebook.run("ImageExampleGen")
    notebook.run("ImageExampleGen", enable_cache=False)

    states = [run["ImageExampleGen"] for run in notebook.states()]
    assert states == ["executed", "cached", "executed"]


def test_component_that_failed_begins_a_new_run(notebook: Notebook, runs: PipelineRuns) -> None:
    away = shutil.move(runs.data, runs.data.with_name("away"))
    with pytest.raises(Exception, match="photos"):
        notebook.run("ImageExampleGen")
    shutil.move(away, runs.data)
    notebook.run("StatisticsGen")

    assert notebook.states() == [
        {"ImageExampleGen": "unfinished"},  # TFX does not record that a driver failed.
        {"ImageExampleGen": "cached", "StatisticsGen": "cached"},
    ]


def test_whole_pipeline_comes_to_what_a_run_comes_to(notebook: Notebook) -> None:
    for component in notebook.pipeline.components:
        notebook.context.run(component)

    (run,) = notebook.runs()
    assert run.state == "succeeded"
    assert run.count("cached") == 13
    (pushed,) = notebook.component("Pusher").outputs["pushed_model"].get()
    assert pushed.get_int_custom_property("pushed") == 1
