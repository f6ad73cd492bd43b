"""Tests of what Kubeflow's own pages show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from kfp import dsl

from components.evaluator.answers import Answers
from components.evaluator.measured import write_measured
from components.evaluator.measuring import measure
from pipelines.kubeflow.shown import show


def measured(folder: Path) -> Path:
    """Writes what was measured of a model that takes one dog of two for a cat."""
    answers = Answers(
        classes=["cat", "dog"],
        paths=["a", "b", "c"],
        labels=np.array([0, 1, 1]),
        features={},
        probabilities=np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], np.float32),
        baseline=None,
    )
    write_measured(str(folder), measure(answers, {}))
    return folder


def test_confusion_matrix_is_what_kubeflow_s_own_class_writes(tmp_path: Path) -> None:
    shown = show("Evaluator", {"evaluation": str(measured(tmp_path))}, {})

    theirs = dsl.ClassificationMetrics()
    theirs.log_confusion_matrix(["cat", "dog"], [[1, 0], [1, 1]])
    assert shown["confusion_matrix"] == theirs.metadata


def test_metrics_are_numbers_by_name(tmp_path: Path) -> None:
    metrics = show("Evaluator", {"evaluation": str(measured(tmp_path))}, {})["metrics"]

    assert metrics["photos"] == 3
    assert metrics["accuracy"] == 2 / 3
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_report_is_copied_to_where_kubeflow_shows_it_from(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("<h1>Report</h1>")
    page = tmp_path / "minio" / "bucket" / "page"

    shown = show("ReportGen", {"report": str(tmp_path / "report")}, {"page": str(page)})

    assert shown == {"page": {}}
    assert page.read_text() == "<h1>Report</h1>"


def test_other_steps_show_nothing() -> None:
    assert show("Trainer", {"model": "/m"}, {}) == {}
