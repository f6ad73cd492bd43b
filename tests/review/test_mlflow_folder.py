"""Tests of what MLflow is given of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from made_store import FAILED, MadeStore

from review.history import History
from review.mlflow_folder import MlflowRun, mlflow_run, write_run

TRAINING = {
    "stages": [
        {"name": "frozen", "history": {"loss": [1.0, 0.5], "val_loss": [1.5, 0.75]}},
        {"name": "fine-tuned", "history": {"loss": [0.25], "val_loss": [0.5]}},
    ]
}
MEASURED = {"photos": 23, "metrics": {"accuracy": 0.9}, "intervals": {"accuracy": [0.7, 0.97]}}


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A run with a model, and one that failed."""
    made = MadeStore(tmp_path)
    made.context(
        "pipeline_run",
        "run-1",
        warmstart_commit="abc123",
        warmstart_configuration="head:\n  dropout: 0.5\n  note: |\n    two\n    lines\n",
    )
    report = {"report.html": "<p>97 %</p>", "model_card.md": "# Card", "metrics.json": "{}"}
    made.execution(
        "run-1",
        "Trainer",
        outputs={
            "model_run": made.artifact("ModelRun", "1", {"training.json": json.dumps(TRAINING)}),
            "evaluation": made.artifact(
                "ModelEvaluation", "2", {"measured.json": json.dumps(MEASURED)}
            ),
            "blessing": made.artifact("ModelBlessing", "3", {}, blessed=1),
            "report": made.artifact("Report", "4", report),
        },
        warmstart_seconds=2.5,
    )
    made.execution("run-2", "Trainer", state=FAILED)
    return made


def found(made: MadeStore, name: str) -> MlflowRun:
    history = History(made.store, made.root)
    (run,) = history.read(head for head in history.runs() if head.name == name)
    return mlflow_run(made.output, history, run)


def texts(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def test_folder_holds_params_metrics_tags_and_artifacts(made: MadeStore, tmp_path: Path) -> None:
    run = found(made, "run-1")
    folder = write_run(run, tmp_path / "mlruns")

    assert folder == tmp_path / "mlruns" / run.experiment_id / run.run_id
    assert texts(folder / "params") == {"head.dropout": "0.5", "head.note": "two lines"}
    metrics = {
        name: [line.split()[1:] for line in text.splitlines()]
        for name, text in texts(folder / "metrics").items()
    }
    assert metrics == {
        "accuracy": [["0.9", "0"]],
        "accuracy_95_low": [["0.7", "0"]],
        "accuracy_95_high": [["0.97", "0"]],
        "train_loss": [["1.0", "1"], ["0.5", "2"], ["0.25", "3"]],
        "evaluation_loss": [["1.5", "1"], ["0.75", "2"], ["0.5", "3"]],
    }
    tags = texts(folder / "tags")
    assert tags["mlflow.runName"] == "run-1"
    assert tags["mlflow.source.git.commit"] == "abc123"
    assert (tags["warmstart.blessed"], tags["warmstart.component.Trainer"]) == ("True", "executed")
    assert texts(folder / "artifacts") == {
        "report.html": "<p>97 %</p>",
        "model_card.md": "# Card",
        "metrics.json": "{}",
    }
    meta = yaml.safe_load((folder / "meta.yaml").read_text())
    assert meta["status"] == 3
    assert meta["end_time"] - meta["start_time"] >= 2500
    assert meta["artifact_uri"] == (folder / "artifacts").as_uri()


def test_failed_run_is_marked(made: MadeStore) -> None:
    assert found(made, "run-2").status == 4


def test_run_that_is_written_again_takes_the_place_of_the_first(
    made: MadeStore, tmp_path: Path
) -> None:
    root = tmp_path / "mlruns"
    run = found(made, "run-1")
    folder = write_run(run, root)
    (folder / "params" / "left over").write_text("1")
    write_run(found(made, "run-2"), root)

    assert write_run(run, root) == folder
    assert set(texts(folder / "params")) == {"head.dropout", "head.note"}
    assert len([place for place in folder.parent.iterdir() if place.is_dir()]) == 2
    assert [place.name for place in tmp_path.iterdir() if place.name.startswith(".mlruns")] == []


def test_names_stay_in_their_folder(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.context("pipeline_run", "run", warmstart_configuration='"../../out": 1\n"..": 2\n')
    made.execution("run", "../" + "n" * 300)
    folder = write_run(found(made, "run"), tmp_path / "mlruns")

    assert set(texts(folder / "params")) == {"_.._out", "_"}
    assert not (tmp_path / "mlruns" / "out").exists()
    assert max(map(len, texts(folder / "tags"))) == 200


def test_training_that_is_of_another_form_is_left_out(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    odd = {"stages": [1, {"history": {"loss": "low", "accuracy": [0.5]}}, {"history": [2]}]}
    logs = made.artifact("ModelRun", "1", {"training.json": json.dumps(odd)})
    made.execution("run", "Trainer", outputs={"model_run": logs})

    assert set(found(made, "run").metrics) == {"train_accuracy"}


def test_mlflow_reads_what_was_written(
    made: MadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    tracking = pytest.importorskip("mlflow.tracking")
    root = tmp_path / "mlruns"
    for name in ("run-1", "run-2"):
        write_run(found(made, name), root)

    client = tracking.MlflowClient(root.as_uri())
    (experiment,) = (e for e in client.search_experiments() if e.name == "line")
    failed, run = sorted(
        client.search_runs([experiment.experiment_id]), key=lambda one: one.info.run_name != "run-2"
    )
    assert (failed.info.status, run.info.status) == ("FAILED", "FINISHED")
    assert (run.info.run_name, run.data.params["head.dropout"]) == ("run-1", "0.5")
    assert run.data.metrics["accuracy"] == 0.9
    curve = client.get_metric_history(run.info.run_id, "train_loss")
    assert [(point.step, point.value) for point in curve] == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert run.data.tags["mlflow.source.git.commit"] == "abc123"
    files = [file.path for file in client.list_artifacts(run.info.run_id)]
    assert files == ["metrics.json", "model_card.md", "report.html"]
