"""Finds TensorBoard's logs of a run in ML Metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from review.files import local_folder
from review.history import History
from review.records import Run, RunHead
from review.store import Output, no_run, opened
from schemas.errors import ConfigError, PipelineError, printable, shortened_list

_MODEL_RUN = "ModelRun"


@dataclass(frozen=True)
class ModelRun:
    """What the Trainer of a run logged for TensorBoard.

    Attributes:
        run_id: of the run.
        folder: of the logs.
    """

    run_id: str
    folder: Path


def find_model_run(output: Output, run_id: str | None = None) -> ModelRun:
    """Finds the logs of a run.

    Args:
        output: the folders of the run.
        run_id: its id; by default that of the newest run that has logs.

    Raises:
        ConfigError: if there is no run in this output folder, or none with this id.
        PipelineError: if the run has no logs, they are gone, or ML Metadata cannot be read.
    """
    with opened(output) as store:
        history = History(store, output.root)
        chosen = _chosen(history.runs(), run_id, output)
        for head in chosen:
            (run,) = history.read([head])
            if folder := _logs(history, run):
                return ModelRun(run.name, _existing(folder, run.name))
    raise PipelineError(
        f"{_subject(chosen)} no TensorBoard logs, because no Trainer came to its end; run the "
        "pipeline again."
    )


def _chosen(heads: list[RunHead], run_id: str | None, output: Output) -> list[RunHead]:
    if not heads:
        raise no_run(output)
    chosen = [head for head in heads if run_id in (None, head.name)]
    if not chosen:
        raise ConfigError(
            f"--run {printable(str(run_id))}: {output.root} holds no such run; the newest are "
            f"{shortened_list(head.name for head in heads)}."
        )
    return chosen


def _logs(history: History, run: Run) -> Path | None:
    """Returns the folder of the ModelRun that a run made or, from the cache, reused."""
    artifacts = history.artifacts(number for one in run.executions for number in one.output_ids)
    found = (local_folder(one) for one in artifacts.values() if one.type == _MODEL_RUN)
    return next((folder for folder in found if folder), None)


def _existing(folder: Path, run_id: str) -> Path:
    if not folder.is_dir():
        raise PipelineError(
            f"The TensorBoard logs of run {run_id} are gone from {folder}; name another run with "
            "--run, or run the pipeline again."
        )
    return folder


def _subject(runs: list[RunHead]) -> str:
    return f"Run {runs[0].name} has" if len(runs) == 1 else f"The {len(runs)} runs have"
