"""Tests of `warmstart pipeline compile`: what it writes, and what it refuses with a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from cli.main import app

IMAGE = "kubeflow.image=registry.example.org/worker:1"
ROOT = "kubeflow.pipeline_root=gs://bucket/runs"
MODELS = "kubeflow.vertex.models=gs://bucket/models"
LONG = "a" * 58


def compile_to(file: Path, *arguments: str, engine: str = "kubeflow") -> Result:
    command = ["pipeline", "compile", "--engine", engine, "--output", str(file), *arguments]
    return CliRunner().invoke(app, command, env={"NO_COLOR": "1", "COLUMNS": "120"})


WRONG = {
    "no image": (
        (),
        "Configuration: kubeflow.image is not set; name the image that the steps run in, such as "
        "registry.example.org/warmstart-worker:0.1.0.",
    ),
    "image without a tag": (
        ("--set", "kubeflow.image=worker"),
        "Configuration: kubeflow.image = 'worker': has no tag, so nobody could tell what ran; name "
        "one, as worker:0.1.0.",
    ),
    "name that grows too long": (
        ("--set", IMAGE, "--set", f"name={LONG}"),
        f"Configuration: name = {LONG} has 58 characters; Kubeflow adds six for each run and "
        "Kubernetes allows 63, so shorten it to 57.",
    ),
    "folder of this machine": (
        ("--set", IMAGE, "--data", "photos"),
        "--data photos: pods cannot see this machine's folders; name a place as they see it, /data "
        "or below, which is the claim kubeflow.data_claim, or gs://.",
    ),
    "way out of the claim": (
        ("--set", IMAGE, "--data", "/data/../etc"),
        "--data /data/../etc: pods cannot see this machine's folders; name a place as they see it, "
        "/data or below, which is the claim kubeflow.data_claim, or gs://.",
    ),
    "store that TensorFlow does not read": (
        ("--set", IMAGE, "--data", "s3://bucket/photos"),
        "--data s3://bucket/photos: pods read photos from the volume at /data or from gs://; copy "
        "them to one of the two.",
    ),
    "photos on a claim that is not mounted": (
        ("--set", IMAGE, "--set", "kubeflow.data_claim=null"),
        "--data /data: kubeflow.data_claim is null, so nothing is mounted at /data; name the claim "
        "that holds the photos.",
    ),
    "threshold that is no number": (
        ("--set", IMAGE, "--set", "evaluate.thresholds.accuracy.min=high"),
        "Configuration: evaluate.thresholds.accuracy.min = 'high': input should be a valid number.",
    ),
    "resources that do not parse": (
        ("--set", IMAGE, "--set", "kubeflow.resources.Trainer.memory_limit=lots"),
        "Configuration: kubeflow.resources.Trainer.memory_limit = 'lots': no amount of memory, "
        "such as '4Gi' or '500Mi'.",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_what_could_not_run_there_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "pipeline.yaml"

    result = compile_to(file, *arguments)

    assert (result.exit_code, result.stderr) == (2, f"Error: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


def test_file_that_kubeflow_would_not_take_for_yaml_is_refused(tmp_path: Path) -> None:
    result = compile_to(tmp_path / "pipeline.json", "--set", IMAGE)

    assert result.stderr == (
        f"Error: --output {tmp_path / 'pipeline.json'}: Kubeflow tells by .yaml what is in a file; "
        "name one that ends in it.\n"
    )


WRONG_ON_VERTEX = {
    "no image": (
        (),
        "Configuration: kubeflow.image is not set; name the image that the steps run in, such as "
        "registry.example.org/warmstart-worker:0.1.0.",
    ),
    "image in no registry": (
        ("kubeflow.image=worker:1", ROOT, MODELS),
        "Configuration: kubeflow.image = worker:1 is in no registry, and Vertex AI pulls from "
        "Artifact Registry; push it there, and name it as REGION-docker.pkg.dev/PROJECT/REPOSITORY/"
        "worker:1.",
    ),
    "no pipeline root": (
        (IMAGE, MODELS),
        "Configuration: kubeflow.pipeline_root is not set; name where in Cloud Storage artifacts "
        "go, such as gs://bucket/runs.",
    ),
    "pipeline root of another store": (
        (IMAGE, MODELS, "kubeflow.pipeline_root=s3://bucket/runs"),
        "Configuration: kubeflow.pipeline_root = s3://bucket/runs: Vertex AI keeps artifacts in a "
        "folder in Cloud Storage; name one such as gs://bucket/runs.",
    ),
    "bucket as pipeline root": (
        (IMAGE, MODELS, "kubeflow.pipeline_root=gs://bucket/"),
        "Configuration: kubeflow.pipeline_root = gs://bucket/: Vertex AI keeps artifacts in a "
        "folder in Cloud Storage; name one such as gs://bucket/runs.",
    ),
    "no place for models": (
        (IMAGE, ROOT),
        "Configuration: kubeflow.vertex.models is not set; name where in Cloud Storage models are "
        "pushed to, such as gs://bucket/models.",
    ),
    "GPUs that no machine has": (
        (IMAGE, ROOT, MODELS, "kubeflow.gpu.count=3"),
        "Configuration: kubeflow.gpu.count = 3: Vertex AI has machines with 1, 2, 4, 8 or 16 GPUs; "
        "choose one of these, or 0.",
    ),
}


@pytest.mark.parametrize(("settings", "sentence"), WRONG_ON_VERTEX.values(), ids=WRONG_ON_VERTEX)
def test_what_could_not_run_on_vertex_is_one_sentence(
    settings: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    options = [part for setting in settings for part in ("--set", setting)]
    file = tmp_path / "job.json"

    result = compile_to(file, *options, "--data", "gs://bucket/photos", engine="vertex")

    assert (result.exit_code, result.stderr) == (2, f"Error: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            (),
            "--data is not given; name where in Cloud Storage the photos are, such as "
            "gs://bucket/photos.",
        ),
        (
            ("--data", "/data/photos"),
            "--data /data/photos: Vertex AI mounts no folder of yours; copy the photos to Cloud "
            "Storage, and name the place, such as gs://bucket/photos.",
        ),
    ],
)
def test_photos_that_vertex_could_not_see_are_one_sentence(
    data: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    options = [part for setting in (IMAGE, ROOT, MODELS) for part in ("--set", setting)]

    result = compile_to(tmp_path / "job.json", *options, *data, engine="vertex")

    assert (result.exit_code, result.stderr) == (2, f"Error: {sentence}\n")


def test_job_for_vertex_is_json(tmp_path: Path) -> None:
    options = [part for setting in (IMAGE, ROOT, MODELS) for part in ("--set", setting)]
    options += ["--set", "frozen.epochs=4", "--data", "gs://bucket/photos"]

    wrong = compile_to(tmp_path / "job.yaml", *options, engine="vertex")
    result = compile_to(tmp_path / "job.json", *options, engine="vertex")

    assert wrong.stderr == (
        f"Error: --output {tmp_path / 'job.yaml'}: Vertex AI takes a job as JSON; name a file that "
        "ends in .json.\n"
    )
    assert (result.exit_code, result.stdout) == (0, f"Wrote {tmp_path / 'job.json'}\n")
    job = json.loads((tmp_path / "job.json").read_text())
    assert job["runtimeConfig"]["parameterValues"]["frozen_epochs"] == 4
    assert [one.name for one in tmp_path.iterdir()] == ["job.json"]


@pytest.mark.parametrize("engine", ["kubeflow", "vertex"])
def test_mistakes_are_found_without_tensorflow(engine: str, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom cli.main import app\n"
        f"try:\n    app(['pipeline', 'compile', '--engine', '{engine}', '--output', 'a.b'])\n"
        "except SystemExit as ended:\n    print(ended.code, {'tensorflow', 'tfx'} & {*sys.modules})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert done.stdout == "2 set()\n"


def test_compiled_file_holds_both_documents_and_what_was_set(tmp_path: Path) -> None:
    file = tmp_path / "new" / "pipeline.yaml"

    result = compile_to(
        file, "--set", IMAGE, "--set", "frozen.epochs=4", "--data", "gs://bucket/photos"
    )

    assert (result.exit_code, result.stdout) == (0, f"Wrote {file}\n")
    spec, platform = yaml.safe_load_all(file.read_text())
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["frozen_epochs"]["defaultValue"] == 4
    assert parameters["data"]["defaultValue"] == "gs://bucket/photos"
    assert "platforms" in platform


def test_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")

    result = compile_to(tmp_path / "folder" / "pipeline.yaml", "--set", IMAGE)

    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: Cannot write {tmp_path / 'folder' / 'pipeline.yaml'} (File exists); name a file "
        "that can be written to.\n",
    )
