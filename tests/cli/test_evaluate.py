"""The command `evaluate` as a user runs it, with the model of a real run."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from pipeline_runs import PipelineRuns, copy_sample
from typer.testing import CliRunner, Result

from cli.main import app
from components.evaluator.measured import Measured, read_measured
from components.serving.model_folder import version_folder
from schemas import serving

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env=PLAIN)


def as_json(*arguments: str | Path) -> dict[str, Any]:
    result = invoke(*arguments, "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if found["error"] or found["reasons"] else 0), result.stderr
    return found


@pytest.fixture
def models(runs: PipelineRuns) -> Path:
    return runs.output.models


def of_pipeline(runs: PipelineRuns) -> tuple[Measured, list[tuple[str, str]]]:
    """Returns what the pipeline measured, and path and label of the photos."""
    import pyarrow.parquet as pq

    (folder, *_) = sorted(Path(runs.output.artifacts, "Evaluator", "evaluation").iterdir())
    rows = pq.read_table(next(folder.glob("answers*.parquet"))).to_pylist()
    return read_measured(str(folder)), [(row["path"], row["label"]) for row in rows]


def test_evaluation_photos_give_the_numbers_of_the_pipeline(
    runs: PipelineRuns, models: Path, tmp_path: Path
) -> None:
    measured, photos = of_pipeline(runs)
    manifest = tmp_path / "photos.csv"
    with manifest.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label"])
        writer.writerows((runs.data / path, label) for path, label in photos)

    found = as_json(models, manifest)

    assert found["model"] == str(version_folder(models))
    assert found["photos"] == measured.photos
    assert found["metrics"] == pytest.approx(measured.metrics, abs=1e-4)
    assert found["intervals"]["accuracy"] == list(measured.intervals["accuracy"])
    assert found["confusion"] == measured.confusion
    assert [(one["label"], one["recall"]) for one in found["classes"]] == [
        (one.label, one.recall) for one in measured.classes
    ]
    assert (found["baseline"], found["reasons"], found["quarantined"]) == (None, [], [])


def test_summary_says_in_words_what_json_says(runs: PipelineRuns, models: Path) -> None:
    empty = runs.data / "food" / "empty.jpg"
    empty.touch()
    found = as_json(models, runs.data)

    result = invoke(models, runs.data)

    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    accuracy, photos = found["metrics"]["accuracy"], found["photos"]
    low, high = found["intervals"]["accuracy"]
    assert lines[:2] == [
        f"Model {version_folder(models)}",
        f"Accuracy {accuracy:.1%}: {round(accuracy * photos)} of {photos} photos recognised; of "
        f"further photos like these, {low:.1%} to {high:.1%} (95 % interval)",
    ]
    assert " ".join(lines[2].split()) == "class photos recall 95 % interval precision F1"
    assert [line.split()[:3] for line in lines[3:7]] == [
        [one["label"], str(one["photos"]), f"{one['recall']:.1%}"] for one in found["classes"]
    ]
    assert f"{found['metrics']['expected_calibration_error']:.3f}" in result.stdout
    assert "1 files set aside, and not asked about:\n  food/empty.jpg: empty\n" in result.stdout
    assert found["quarantined"] == [
        {"path": "food/empty.jpg", "class": "food", "reason": "empty", "bytes": 0}
    ]


def test_only_the_photos_of_one_split_are_asked_about(models: Path, tmp_path: Path) -> None:
    for split, count in {"train": 2, "test": 3}.items():
        copied = copy_sample(tmp_path / "copied", photos_per_class=count)
        shutil.move(copied, tmp_path / "splits" / split)

    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", tmp_path / "splits")

    # Two of the three in test are in train as well, which is no matter here.
    assert as_json(models, archive, "--split", "test")["photos"] == 12
    assert as_json(models, archive)["photos"] == 20


def test_model_is_as_accurate_as_itself(runs: PipelineRuns, models: Path) -> None:
    compared = as_json(models, runs.data, "--baseline", models)

    accuracy, baseline = compared["metrics"]["accuracy"], compared["baseline"]
    low, high = baseline["gain_interval"]
    assert baseline["metrics"] == compared["metrics"]
    assert baseline["gain"] == 0
    assert low < 0 < high
    assert (
        f"As accurate as the other model ({accuracy:.1%}); 95 % interval of the difference "
        f"{100 * low:+.1f} to {100 * high:+.1f} points\n"
    ) in invoke(models, runs.data, "--baseline", models).stdout


def test_worse_baseline_is_said(runs: PipelineRuns, models: Path, tmp_path: Path) -> None:
    """The same model, that calls each class by the name of another."""
    shutil.copytree(version_folder(models), tmp_path / "1")
    names = tmp_path / "1" / "assets" / serving.CLASSES_ASSET
    classes = json.loads(names.read_text())
    names.write_text(json.dumps([*classes[1:], classes[0]]))

    found = as_json(models, runs.data, "--baseline", tmp_path)
    said = invoke(models, runs.data, "--baseline", tmp_path).stdout

    gain = found["baseline"]["gain"]
    assert gain == pytest.approx(
        found["metrics"]["accuracy"] - found["baseline"]["metrics"]["accuracy"]
    )
    assert f"{100 * abs(gain):.1f} points {'more' if gain > 0 else 'less'} accurate than" in said


def test_accuracy_below_the_wanted_one_fails(runs: PipelineRuns, models: Path) -> None:
    accuracy = as_json(models, runs.data)["metrics"]["accuracy"]

    assert as_json(models, runs.data, "--min-accuracy", str(accuracy))["reasons"] == []
    missed = f"accuracy {accuracy:.3f} is {1 - accuracy:.3f} below --min-accuracy = 1"
    assert as_json(models, runs.data, "--min-accuracy", "1")["reasons"] == [missed]
    result = invoke(models, runs.data, "--min-accuracy", "1")
    assert result.exit_code == 1
    assert result.stdout.endswith(f"\nNot good enough: {missed}.\n")


def test_class_that_the_model_does_not_know_is_named(runs: PipelineRuns, models: Path) -> None:
    (runs.data / "food").rename(runs.data / "Essen")

    result = invoke(models, runs.data)

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {runs.data}: the model does not know the class Essen, but birds, food, mammals, "
        "plants; name the class as the model does, leave its photos out, or train a model with "
        "them.\n"
    )
    assert as_json(models, runs.data) == {"error": result.stderr[len("Error: ") : -1]}


def test_folder_without_a_model_is_refused(tmp_path: Path, runs: PipelineRuns) -> None:
    result = invoke(tmp_path, runs.data)

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {tmp_path} holds no pushed model (no saved_model.pb, and no numbered folder with "
        "one); `warmstart pipeline run` says where it pushed the model.\n"
    )


def test_saved_model_of_another_program_is_refused(tmp_path: Path, runs: PipelineRuns) -> None:
    module = tf.Module()
    module.double = tf.function(lambda x: {"y": 2 * x}, [tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"double": module.double})

    assert invoke(tmp_path, runs.data).stderr == (
        f"Error: {tmp_path / '1'} carries no class names (classes.json is missing or broken); name "
        "a model that `warmstart pipeline run` pushed.\n"
    )
    names = tmp_path / "1" / "assets" / serving.CLASSES_ASSET
    names.write_text(json.dumps(["birds", "food", "mammals", "plants"]))
    result = invoke(tmp_path, runs.data)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {tmp_path / '1'} has no signature serving_bytes (it has: double); name a model "
        "that `warmstart pipeline run` pushed.\n"
    )


def test_folder_without_photos_is_refused(tmp_path: Path, models: Path) -> None:
    result = invoke(models, tmp_path)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path} holds no class folders; put the photos ")


@pytest.mark.parametrize("wrong", ["1.5", "-0.1", "high"])
def test_accuracy_that_is_no_share_is_wrong_usage(wrong: str) -> None:
    result = invoke("models", "photos", "--min-accuracy", wrong)

    assert result.exit_code == 2
    assert "--min-accuracy" in result.stderr


@pytest.mark.slow
def test_evaluation_needs_neither_tfx_nor_beam(models: Path, tmp_path: Path) -> None:
    data = copy_sample(tmp_path / "photos", photos_per_class=2)
    script = (
        "import sys\n"
        "from cli.main import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "finally:\n"
        "    print(*sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "evaluate", models, data, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(result.stdout)["photos"] == 8
    modules = set(result.stderr.splitlines()[-1].split())
    assert {"tensorflow", "scipy"} <= modules
    heavy = {"tfx", "tensorflow_model_analysis", "tensorflow_transform", "apache_beam", "pandas"}
    assert modules & heavy == set()
