"""Writes a run as MLflow's files, to look at it, and compare it with others, in MLflow.

The format is that of MLflow's tracking folder `mlruns`: `EXPERIMENT/RUN` with `meta.yaml`,
`params`, `metrics`, `tags` and `artifacts`. MLflow changes it no more, and imports it into its
databases.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from review.differences import flat
from review.history import History
from review.records import FAILED, SUCCEEDED, Run
from review.results import RunResults, results_of
from review.run_report import report_artifact, report_of
from review.store import Output
from schemas import run_record
from schemas.run_folder import METRICS_FILE, REPORT_FILE

# MLflow's numbers of a run's status; any other one of ours is still running, or was killed.
_STATUS = {SUCCEEDED: 3, FAILED: 4}
_KILLED = 5

_MODEL_RUN = "ModelRun"
_TRAINING_FILE = "training.json"
_MODEL_CARD = "model_card.md"

_LONGEST = 200
_NOT_ALLOWED = re.compile(r"[^\w\-. ]", re.ASCII)


@dataclass(frozen=True)
class _Point:
    step: int
    value: float


@dataclass(frozen=True)
class MlflowRun:
    """A run as MLflow knows it.

    Attributes:
        experiment: its name, that of the pipeline.
        name: of the run.
        started: when, in UTC.
        ended: when, in UTC.
        status: MLflow's number.
        params: by name.
        metrics: by name, the points in the order of their steps.
        tags: by name.
        files: texts by name.
    """

    experiment: str
    name: str
    started: datetime
    ended: datetime
    status: int
    params: Mapping[str, str]
    metrics: Mapping[str, tuple[_Point, ...]]
    tags: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def run_id(self) -> str:
        """MLflow's id: the same for the same run."""
        text = f"{self.started.isoformat()} {self.name}"
        return uuid.uuid5(uuid.NAMESPACE_OID, text).hex

    @property
    def experiment_id(self) -> str:
        """MLflow's id of the experiment: the same for the same name."""
        return str(int(hashlib.sha256(self.experiment.encode()).hexdigest()[:14], 16))

    def folder(self, root: Path) -> Path:
        """Returns where the run lies in a tracking folder."""
        return root / self.experiment_id / self.run_id


def mlflow_run(output: Output, history: History, run: Run) -> MlflowRun:
    """Collects what MLflow shows of a run.

    Args:
        output: the folder.
        history: of its store.
        run: that is exported.
    """
    (results,) = results_of(history, [run])
    seconds = max((_until(run, one.started, one.seconds) for one in run.executions), default=0.0)
    return MlflowRun(
        experiment=run.pipeline or "pipeline",
        name=run.name,
        started=run.head.started,
        ended=run.head.started + timedelta(seconds=seconds),
        status=_STATUS.get(run.state, _KILLED),
        params=_params(run),
        metrics=dict(_measured(results)) | dict(_curves(history, run)),
        tags=_tags(run, results),
        files=_files(output, history, run),
    )


def write_run(run: MlflowRun, root: Path) -> Path:
    """Writes a run into a tracking folder, whole or not at all; one that is there is replaced.

    Args:
        run: from `mlflow_run`.
        root: the tracking folder; it is made if there is none, and holds further runs.

    Returns:
        The folder of the run.
    """
    target = run.folder(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the tracking folder: MLflow takes every folder in it for an experiment.
    partial = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
    try:
        _write(run, partial / "new", target)
        _write_experiment(run, target.parent)
        if target.exists():
            target.rename(partial / "old")
        (partial / "new").rename(target)
    finally:
        shutil.rmtree(partial)
    return target


def _until(run: Run, started: datetime, seconds: float | None) -> float:
    return (started - run.head.started).total_seconds() + (seconds or 0.0)


def _params(run: Run) -> dict[str, str]:
    text = run.head.record.get(run_record.CONFIGURATION)
    return {key: str(value) for key, value in flat({"configuration": text}).items()} if text else {}


def _measured(results: RunResults) -> Iterator[tuple[str, tuple[_Point, ...]]]:
    for name, metric in (results.metrics or {}).items():
        yield name, (_Point(0, metric.value),)
        for end, value in zip(("low", "high"), metric.interval or (), strict=False):
            yield f"{name}_95_{end}", (_Point(0, value),)


def _curves(history: History, run: Run) -> Iterator[tuple[str, tuple[_Point, ...]]]:
    """Returns what training logged of each epoch; the stages follow one another."""
    artifacts = history.artifacts(run.made_ids).values()
    logs = next((one for one in artifacts if one.type == _MODEL_RUN), None)
    training = history.files.read_object(logs, _TRAINING_FILE) if logs else None
    curves: dict[str, list[_Point]] = {}
    first = 1
    for logged in _histories(training or {}):
        for name, values in logged.items():
            of = "evaluation" if name.startswith("val_") else "train"
            curve = curves.setdefault(f"{of}_{name.removeprefix('val_')}", [])
            curve += [_Point(first + n, float(value)) for n, value in enumerate(values)]
        first += max(map(len, logged.values()), default=0)
    for name, points in curves.items():
        yield name, tuple(points)


def _histories(training: Mapping[str, Any]) -> Iterator[Mapping[str, list[float]]]:
    """Returns what each stage logged; what is not of that form is left out."""
    stages = training.get("stages")
    for stage in stages if isinstance(stages, list) else ():
        logged = stage.get("history") if isinstance(stage, dict) else None
        if isinstance(logged, dict):
            yield {name: values for name, values in logged.items() if _are_numbers(values)}


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, (int, float)) for value in values)


def _tags(run: Run, results: RunResults) -> dict[str, str]:
    record = run.head.record
    tags = {
        "mlflow.runName": run.name,
        "mlflow.source.name": "warmstart pipeline run",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": record.get(run_record.COMMIT),
        "warmstart.version": record.get(run_record.VERSION),
        "warmstart.data": record.get(run_record.DATA),
        "warmstart.state": run.state,
        "warmstart.blessed": results.blessed,
        "warmstart.not_blessed_because": "; ".join(results.reasons) or None,
        "warmstart.pushed_to": results.pushed_to,
    }
    tags |= {f"warmstart.component.{one.node}": one.state for one in run.executions}
    return {name: str(value) for name, value in tags.items() if value is not None}


def _files(output: Output, history: History, run: Run) -> dict[str, str]:
    report, artifact = report_of(output, history, run), report_artifact(history, run)
    found = {REPORT_FILE: report.html if report else None}
    for name in (_MODEL_CARD, METRICS_FILE):
        found[name] = history.files.read_text(artifact, name) if artifact else None
    return {name: text for name, text in found.items() if text is not None}


def _write(run: MlflowRun, folder: Path, target: Path) -> None:
    for part in ("params", "metrics", "tags", "artifacts"):
        (folder / part).mkdir(parents=True)
    for name, value in run.params.items():
        _text(folder / "params" / _plain(name), _one_line(value))
    for name, value in run.tags.items():
        _text(folder / "tags" / _plain(name), value)
    at = _milliseconds(run.ended)
    for name, points in run.metrics.items():
        lines = (f"{at} {point.value!r} {point.step}\n" for point in points)
        _text(folder / "metrics" / _plain(name), "".join(lines))
    for name, text in run.files.items():
        _text(folder / "artifacts" / name, text)
    meta = {
        "artifact_uri": (target.absolute() / "artifacts").as_uri(),
        "end_time": at,
        "entry_point_name": "",
        "experiment_id": run.experiment_id,
        "lifecycle_stage": "active",
        "run_id": run.run_id,
        "run_name": run.name,
        "source_name": "",
        "source_type": 4,
        "source_version": "",
        "start_time": _milliseconds(run.started),
        "status": run.status,
        "tags": [],
        "user_id": "unknown",
    }
    _text(folder / "meta.yaml", yaml.safe_dump(meta))


def _write_experiment(run: MlflowRun, folder: Path) -> None:
    file = folder / "meta.yaml"
    if file.exists():
        return
    meta = {
        "artifact_location": folder.absolute().as_uri(),
        "creation_time": _milliseconds(run.started),
        "experiment_id": run.experiment_id,
        "last_update_time": _milliseconds(run.started),
        "lifecycle_stage": "active",
        "name": run.experiment,
    }
    partial = folder / ".meta.yaml.partial"
    _text(partial, yaml.safe_dump(meta))
    os.replace(partial, file)


def _text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="")


def _plain(name: str) -> str:
    """Returns a name that MLflow allows, and that is one of a file in its folder."""
    return _NOT_ALLOWED.sub("_", name).lstrip(".")[:_LONGEST] or "_"


def _one_line(text: str) -> str:
    """MLflow reads only parameters of one line."""
    return " ".join(text.splitlines())


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
