"""Runs the compiled pipeline, every step in a process of its own, and compares with a local run.

kfp.local stands for the cluster, made to show the steps what a cluster's launcher shows them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubeflow_local import BUCKET, run_compiled
from ml_metadata import MetadataStore
from pipeline_runs import QUICK, PipelineRuns
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.pushed_baselines.lookup import LatestPushedModel, LatestPushedStatistics
from components.serving.model_folder import numbered_folders
from components.serving.versions import find_versions
from pipelines.config import load_config
from pipelines.kubeflow.config import STEPS
from pipelines.kubeflow.names import kebab
from pipelines.kubeflow_runner import as_yaml, compile_pipeline

pytestmark = pytest.mark.slow

# What both runs do otherwise than the first one. kfp.local warns of images without "python".
CHOSEN = "frozen.epochs=3"
IMAGE = "kubeflow.image=registry.example.org/python/warmstart-worker:0.1.0"

# Set by TFX's launcher on whatever it launches; on Kubeflow, its own ML Metadata knows them.
OF_TFX_LAUNCHER = {"name", "state", "pipeline_name", "producer_component", "is_external"}


@dataclass(frozen=True)
class BothRuns:
    """The same run twice: on this machine, and as on a cluster.

    Attributes:
        local: this machine's, with the run before it.
        told: what each step told Kubeflow.
        folder: what object storage is to this machine.
        models: where the cluster's run pushed to.
        baseline: the version that was there before.
    """

    local: PipelineRuns
    told: dict[str, dict[str, Any]]
    folder: Path
    models: Path
    baseline: Path

    def artifact(self, step: str, output: str) -> dict[str, Any]:
        """Returns what a step told of an artifact."""
        (one,) = self.told[kebab(step)]["artifacts"][output]["artifacts"]
        return dict(one)

    def path(self, step: str, output: str) -> Path:
        """Returns where an artifact of the cluster lies."""
        uri = self.artifact(step, output)["uri"]
        assert uri.startswith(BUCKET)
        return self.folder / "minio" / uri.removeprefix("minio://")

    def local_path(self, step: str, output: str) -> Path:
        """Returns where the latest artifact of this machine lies."""
        folder = self.local.output.artifacts / step / output
        return max(folder.iterdir(), key=lambda artifact: int(artifact.name))


@pytest.fixture(scope="module")
def both(
    first_run: tuple[PipelineRuns, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> BothRuns:
    runs, _ = first_run
    folder = tmp_path_factory.mktemp("kubeflow")
    (pushed,) = numbered_folders(runs.output.models)
    baseline = shutil.copytree(pushed, folder / "models" / pushed.name)
    runs.run("as on Kubeflow", CHOSEN)

    documents = compile_pipeline(load_config(None, [*QUICK, IMAGE]))
    file = folder / "pipeline.yaml"
    # Pods see the volume of models there.
    file.write_text(as_yaml(documents).replace("/models", str(folder / "models")))
    key, value = CHOSEN.split("=")
    chosen = {key.replace(".", "_"): int(value)}
    told = run_compiled(file, folder / "node", data=str(runs.data), **chosen)
    return BothRuns(runs, told, folder / "node", folder / "models", baseline)


def test_every_step_succeeds(both: BothRuns) -> None:
    assert set(both.told) == set(map(kebab, STEPS))


def test_photos_are_split_as_on_this_machine(both: BothRuns) -> None:
    ours, theirs = (
        folder / "photos.csv"
        for folder in (
            both.path("ImageExampleGen", "quarantine"),
            both.local_path("ImageExampleGen", "quarantine"),
        )
    )

    assert ours.read_text() == theirs.read_text()


def test_model_is_measured_as_on_this_machine_beside_the_same_baseline(both: BothRuns) -> None:
    ours, theirs = (
        json.loads((folder / "measured.json").read_text())
        for folder in (
            both.path("Evaluator", "evaluation"),
            both.local_path("Evaluator", "evaluation"),
        )
    )

    assert ours["baseline"] is not None
    assert ours == theirs


def test_what_was_looked_up_is_told_as_text(both: BothRuns) -> None:
    found = both.told["latest-pushed-model"]["parameterValues"]

    assert found == {"model": str(both.baseline)}
    assert both.artifact("Evaluator", "blessing")["metadata"]["baseline_model"] == found["model"]


def test_same_photos_and_model_are_looked_up_alike_once_they_are_pushed(both: BothRuns) -> None:
    """Else the steps after them would not be taken from the cache in an unchanged run."""
    models = {"models": str(both.models)}
    model = {"candidate": str(both.path("Trainer", "model"))}
    statistics = {"current": str(both.path("StatisticsGen", "statistics"))}

    found = {
        "latest-pushed-model": LatestPushedModel().look_up(models, model),
        "latest-pushed-statistics": LatestPushedStatistics().look_up(models, statistics),
    }

    assert found == {name: both.told[name]["parameterValues"] for name in found}


def test_model_is_pushed_beside_the_baseline_with_what_is_known_of_it(both: BothRuns) -> None:
    newest, before = find_versions(both.models)

    assert before.folder == both.baseline
    assert newest.accuracy == both.artifact("Evaluator", "metrics")["metadata"]["accuracy"]
    assert newest.run_id is not None
    assert newest.run_id.startswith("warmstart-")
    statistics = newest.folder / "assets.extra" / "statistics" / "Split-train" / "FeatureStats.pb"
    trained = both.path("StatisticsGen", "statistics") / "Split-train" / "FeatureStats.pb"
    assert statistics.read_bytes() == trained.read_bytes()


def test_kubeflow_s_pages_show_metrics_confusion_matrix_and_report(both: BothRuns) -> None:
    measured = json.loads((both.path("Evaluator", "evaluation") / "measured.json").read_text())
    matrix = both.artifact("Evaluator", "confusion_matrix")["metadata"]["confusionMatrix"]

    names = [spec["displayName"] for spec in matrix["annotationSpecs"]]
    assert [dict(zip(names, row["row"], strict=True)) for row in matrix["rows"]] == [
        measured["confusion"][name] for name in names
    ]
    page = both.path("ReportGen", "page").read_text()
    assert page == (both.path("ReportGen", "report") / "report.html").read_text()
    assert "epochs: 3" in page


def test_artifacts_say_all_that_ml_metadata_knows_of_them_on_this_machine(both: BothRuns) -> None:
    store = MetadataStore(sqlite_metadata_connection_config(str(both.local.output.metadata)))
    known = {artifact.uri: artifact for artifact in store.get_artifacts()}
    missing = {}
    for step in STEPS:
        for output in both.told[kebab(step)].get("artifacts", {}):
            if not (both.local.output.artifacts / step / output).exists():
                continue  # What only Kubeflow's pages show.
            local = known[str(both.local_path(step, output))]
            names = {*local.properties, *local.custom_properties} - OF_TFX_LAUNCHER
            told = set(both.artifact(step, output).get("metadata", {}))
            if names - told:
                missing[step, output] = names - told

    assert missing == {}


def test_places_in_metadata_are_those_of_object_storage(both: BothRuns) -> None:
    blessing = both.artifact("Evaluator", "blessing")["metadata"]

    assert blessing["current_model"] == both.artifact("Trainer", "model")["uri"]
    assert str(both.folder) not in json.dumps(both.told)
