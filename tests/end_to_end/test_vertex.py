"""Runs the job for Vertex AI, every step in a process of its own, and compares with a local run.

kfp.local stands for Vertex AI, made to show the steps addresses and names as it does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_local import VERTEX, run_compiled
from pipeline_runs import QUICK, PipelineRuns

from components.serving.versions import find_versions
from pipelines.config import load_config
from pipelines.kubeflow.config import STEPS
from pipelines.kubeflow.names import kebab
from pipelines.kubeflow.uris import local_path
from pipelines.vertex_runner import compile_job

pytestmark = pytest.mark.slow

# kfp.local warns of images without "python".
SETTINGS = [
    *QUICK,
    "kubeflow.image=europe-docker.pkg.dev/example/python/warmstart-worker:0.1.0",
    "kubeflow.pipeline_root=gs://example-bucket/runs",
    "kubeflow.vertex.models=gs://example-bucket/models",
]


@dataclass(frozen=True)
class OnVertex:
    """A run as on Vertex AI, and the same on this machine before it.

    Attributes:
        local: this machine's.
        told: what each step told.
        folder: what Cloud Storage is to this machine.
    """

    local: PipelineRuns
    told: dict[str, dict[str, Any]]
    folder: Path

    def artifact(self, step: str, output: str) -> dict[str, Any]:
        """Returns what a step told of an artifact."""
        (one,) = self.told[kebab(step)]["artifacts"][output]["artifacts"]
        return dict(one)

    def path(self, step: str, output: str) -> Path:
        """Returns where an artifact lies on this machine."""
        uri = str(self.artifact(step, output)["uri"])
        assert uri.startswith(f"{VERTEX.bucket}/")
        return self.folder / "gcs" / uri.removeprefix("gs://")

    def local_path(self, step: str, output: str) -> Path:
        """Returns where the artifact of this machine lies."""
        (first, *_) = sorted(
            (self.local.output.artifacts / step / output).iterdir(), key=lambda one: int(one.name)
        )
        return first


@pytest.fixture(scope="module")
def run(
    first_run: tuple[PipelineRuns, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> OnVertex:
    runs, _ = first_run
    folder = tmp_path_factory.mktemp("vertex")
    job = compile_job(load_config(None, SETTINGS), data="gs://example-bucket/photos")
    file = folder / "spec.yaml"
    # No bucket is at hand: where the steps see the one of models, and the photos.
    models = local_path("gs://example-bucket/models")
    text = yaml.safe_dump(job["pipelineSpec"], width=100_000)
    assert models in text
    file.write_text(text.replace(models, f"{folder}{models}"))
    told = run_compiled(file, folder, view=VERTEX, data=str(runs.data))
    return OnVertex(runs, told, folder)


def test_every_step_succeeds(run: OnVertex) -> None:
    assert set(run.told) == set(map(kebab, STEPS))


def test_photos_are_split_and_measured_as_on_this_machine(run: OnVertex) -> None:
    for step, output, file in (
        ("ImageExampleGen", "quarantine", "photos.csv"),
        ("Evaluator", "evaluation", "measured.json"),
    ):
        ours, theirs = run.path(step, output) / file, run.local_path(step, output) / file
        assert ours.read_text() == theirs.read_text()


def test_model_is_pushed_with_the_job_that_trained_it(run: OnVertex) -> None:
    (version,) = find_versions(run.folder / "gcs" / "example-bucket" / "models")

    (job,) = VERTEX.below(run.folder).iterdir()
    assert version.run_id == job.name
    assert version.accuracy == run.artifact("Evaluator", "metrics")["metadata"]["accuracy"]
    pushed = run.artifact("Pusher", "pushed_model")["metadata"]
    assert pushed["pushed_destination"] == f"gs://example-bucket/models/{version.number}"


def test_places_in_metadata_are_those_of_cloud_storage(run: OnVertex) -> None:
    blessing = run.artifact("Evaluator", "blessing")["metadata"]

    assert blessing["current_model"] == run.artifact("Trainer", "model")["uri"]
    assert str(run.folder) not in json.dumps(run.told)
