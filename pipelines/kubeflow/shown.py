"""What Kubeflow's own pages show of a run: metrics, the confusion matrix, the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile
from typing import Any

from components.evaluator.measured import read_measured
from components.report_gen.files import report_file

METRICS = "metrics"
CONFUSION_MATRIX = "confusion_matrix"
PAGE = "page"

# Further outputs by step: the types that its pages know.
SHOWN: dict[str, dict[str, str]] = {
    "Evaluator": {
        METRICS: "system.Metrics",
        CONFUSION_MATRIX: "system.ClassificationMetrics",
    },
    "ReportGen": {PAGE: "system.HTML"},
}

# Names of TFX's outputs that they are made from.
_EVALUATION = "evaluation"
_REPORT = "report"


def show(step: str, folders: Mapping[str, str], targets: Mapping[str, str]) -> dict[str, Any]:
    """Fills the further outputs of a step that succeeded.

    Args:
        step: id of the component.
        folders: of its artifacts, by the output's name.
        targets: the file of each further output.

    Returns:
        The metadata of each further output.
    """
    if step == "Evaluator":
        return _evaluation(folders[_EVALUATION])
    if step == "ReportGen":
        return _report(folders[_REPORT], targets[PAGE])
    return {}


def _evaluation(folder: str) -> dict[str, Any]:
    measured = read_measured(folder)
    numbers = {name: value for name, value in measured.metrics.items() if value is not None}
    gain = {"accuracy_gain": measured.baseline.gain} if measured.baseline else {}
    names = list(measured.confusion)
    matrix = {
        "annotationSpecs": [{"displayName": name} for name in names],
        "rows": [{"row": [measured.confusion[of][name] for name in names]} for of in names],
    }
    return {
        METRICS: {"photos": measured.photos, **numbers, **gain},
        CONFUSION_MATRIX: {"confusionMatrix": matrix},
    }


def _report(folder: str, target: str) -> dict[str, Any]:
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    copyfile(report_file(folder), target)
    return {PAGE: {}}
