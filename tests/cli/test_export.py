"""Tests of `warmstart export`: mistakes answer at once, and files answer as the model does."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import PipelineRuns
from typer.testing import CliRunner, Result

from cli.main import app
from components.model_export.agreement import LIMITS, Limits
from pipelines.results import read_results

PLAIN = {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
CLASSES = ["birds", "food", "mammals", "plants"]


def export(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)], env=PLAIN)


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """A folder with all that is looked at before TensorFlow is imported, but for photos."""
    version = tmp_path / "models" / "7"
    (version / "assets").mkdir(parents=True)
    (version / "saved_model.pb").touch()
    (version / "assets" / "classes.json").write_text('["a", "b"]', encoding="utf-8")
    return version


@pytest.fixture
def version(runs: PipelineRuns) -> Path:
    """The model that a real run pushed."""
    pushed_to = read_results(runs.output, runs.settle()).pushed_to
    assert pushed_to is not None
    return Path(pushed_to)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--format", "coreml"],
            "--format coreml: there is no such format; use tflite, onnx or keras.",
        ),
        (
            ["--format", "keras", "--quantize", "float16"],
            "--quantize float16: keras has no such quantization; use --format tflite, or "
            "--quantize none.",
        ),
        (
            ["--format", "keras", "--output", "model.tflite"],
            "--output model.tflite: the name of such a file ends in .keras.",
        ),
        (
            ["--format", "keras", "--output", "no/such/model.keras"],
            "--output no/such/model.keras: name a file in a folder that you may write to.",
        ),
        (
            ["--format", "keras", "--output", "there.keras"],
            "--output there.keras: there is one already; name another file, or replace it with "
            "--force.",
        ),
        (
            ["--format", "keras", "--output", "folder.keras", "--force"],
            "--output folder.keras: name a file in a folder that you may write to.",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_2(
    fake: Path, arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fake.parent)
    Path("there.keras").write_bytes(b"former")
    Path("folder.keras").mkdir()

    result = export(fake, *arguments)

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {sentence}\n")
    assert Path("there.keras").read_bytes() == b"former"


def test_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    result = export(tmp_path, "--format", "keras")

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {tmp_path} holds no pushed model (no saved_model.pb, and no numbered folder with "
        "one); `warmstart pipeline run` says where it pushed the model.\n"
    )


def test_model_of_another_project_is_one_sentence(fake: Path) -> None:
    shutil.rmtree(fake / "assets")

    result = export(fake, "--format", "keras")

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {fake} carries no class names (classes.json is missing or broken); name a model "
        "that `warmstart pipeline run` pushed.\n"
    )


def test_model_without_photos_names_both_ways(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fake.parent)

    result = export(fake, "--format", "keras", "--json")

    sentence = (
        f"{fake} is checked with evaluation photos, which are not found here (it does not say "
        "which run it is from); give photos with --data DATA, or name the model where the "
        "pipeline pushed it, such as warmstart-output/models."
    )
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {"error": sentence}
    assert result.stderr == f"Error: {sentence}\n"


def test_damaged_model_is_one_sentence_and_leaves_no_file(version: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "1"
    shutil.copytree(version, damaged)
    (damaged / "saved_model.pb").write_bytes(b"\x0f" * 100)
    file = tmp_path / "model.keras"

    result = export(damaged, "--format", "keras", "--output", file, "--data", "samples/photos")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {damaged}: the SavedModel is damaged (")
    assert len(result.stderr.splitlines()) == 1
    assert not file.exists()


def test_signature_that_is_missing_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    class Doubler(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def double(self, numbers: tf.Tensor) -> Any:
            return {"doubled": 2 * numbers}

    module = Doubler()
    folder = tmp_path / "1"
    tf.saved_model.save(module, str(folder), signatures={"double": module.double})
    (folder / "assets" / "classes.json").write_text('["a", "b"]', encoding="utf-8")

    result = export(
        folder, "--format", "keras", "--output", tmp_path / "m.keras", "--data", "samples/photos"
    )

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {folder} has no signature serving_bytes (it has: double); name a model that "
        "`warmstart pipeline run` pushed.\n"
    )


def test_model_is_exported_with_the_photos_of_its_run(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = export(version, "--format", "keras", "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    file = tmp_path / f"model-{version.name}.keras"
    assert list(tmp_path.iterdir()) == [file]
    assert found == {
        "file": file.name,
        "format": "keras",
        "quantization": "none",
        "size_mb": round(file.stat().st_size / 1e6, 3),
        "model_size_mb": pytest.approx(11.0, abs=0.5),
        "size_ratio": pytest.approx(file.stat().st_size / 1e6 / found["model_size_mb"], abs=1e-3),
        "photos": found["photos"],
        "same_labels": 1.0,
        "max_difference": pytest.approx(0, abs=1e-5),
        "error": None,
    }
    assert found["photos"] > 8
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("classes.json")) == CLASSES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "largest_share"),
    [
        (["--format", "tflite"], 0.95),
        (["--format", "tflite", "--quantize", "float16"], 0.5),
        (["--format", "tflite", "--quantize", "int8"], 0.3),
        (["--format", "onnx"], 0.95),
    ],
)
def test_copied_model_is_exported_with_photos_of_a_data_folder(
    version: Path,
    tmp_path: Path,
    arguments: list[str],
    largest_share: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "onnx" in arguments:
        pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")
    # After two epochs on some dozen photos the model is undecided about half of these.
    monkeypatch.setitem(LIMITS, "int8", Limits(differing_labels=0.5))
    copied = tmp_path / "copied"
    shutil.copytree(version, copied)
    file = tmp_path / f"new.{arguments[1]}"

    result = export(copied, *arguments, "--output", file, "--data", "samples/photos")

    assert (result.exit_code, result.stderr) == (0, "")
    exported, size, agreement = result.stdout.splitlines()
    assert exported == f"Exported    {file}"
    in_all = sum(part.stat().st_size for part in copied.rglob("*") if part.is_file())
    share = file.stat().st_size / in_all
    assert share < largest_share
    assert size == (
        f"Size        {file.stat().st_size / 1e6:.1f} MB, {share:.0%} of the SavedModel's "
        f"{in_all / 1e6:.1f} MB"
    )
    assert agreement.startswith("Agreement   ")
    if "int8" not in arguments:
        assert agreement.startswith("Agreement   100.0% of ")


def test_mistakes_answer_without_tensorflow(fake: Path) -> None:
    import subprocess

    script = (
        "import sys\nfrom cli.main import app\n"
        f"try: app(['export', {str(fake)!r}, '--format', 'keras'])\n"
        "except SystemExit: print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert {"tensorflow", "keras", "tfx"}.isdisjoint(result.stdout.split())
    assert "cli.export" in result.stdout.split()
