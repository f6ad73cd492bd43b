"""Runs the pipeline while showing each component and each epoch on the terminal."""

from __future__ import annotations

import errno
import logging
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text

from cli.component_logs import ComponentLogs
from cli.marks import MARKS
from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.captured_output import LOG_FORMAT, output_to
from pipelines.config import WHERE_IT_RUNS, PipelineConfig, plain_yaml
from pipelines.folders import OutputFolders
from pipelines.forgotten import forget
from pipelines.outcome import (
    RUNNING,
    SKIPPED,
    ComponentRun,
    Outcome,
    new_run_id,
    write_metrics,
)
from pipelines.plan.planner import Plan, planned_run
from schemas.corrections import CORRECTIONS_FILE, write_corrections
from schemas.errors import WarmstartError, first_line
from schemas.run_folder import LOG_FILE

# Beam, TensorFlow and SQLite hand on no more than the text.
_NO_SPACE = (os.strerror(errno.ENOSPC), "database or disk is full")


def run_with_progress(
    config: PipelineConfig,
    data: str,
    output: OutputFolders,
    *,
    corrected: Corrected = NO_CORRECTIONS,
    fingerprint: str,
    force: bool,
    debug: bool,
) -> Outcome:
    """Runs the pipeline; what libraries print goes to the run's logs instead of the terminal.

    Args:
        config: what to do.
        data: absolute path, or remote place, of the data folder, manifest or archive.
        output: where results go.
        corrected: what a person decided about these photos.
        fingerprint: of the data.
        force: run every component, whatever earlier runs made.
        debug: show the traceback of a component that fails.
    """
    run_id = new_run_id()
    folder = output.runs / run_id
    folder.mkdir(parents=True)
    if corrected.applied:
        write_corrections(folder / CORRECTIONS_FILE, corrected.applied)
    with (
        output_to(folder / LOG_FILE) as stderr,
        ComponentLogs(folder).closed() as logs,
        _Progress(stderr, logs).shown() as progress,
    ):
        try:
            place = _Place(data, output, corrected)
            forget(output)
            plan = None if force else planned_run(config, **vars(place), fingerprint=fingerprint)
            if plan and plan.is_all_reused:
                _replay(config, place, plan, run_id, progress)
            else:
                _run(config, place, run_id, progress, force=force)
            outcome = _completed(output, run_id, progress)
        except KeyboardInterrupt:
            outcome = Outcome(run_id, progress.components, error="Interrupted.", folder=folder)
        except Exception as error:
            if not progress.failed:  # What a component raised is logged where it was raised.
                logging.getLogger(__name__).exception("The run failed.")
            message = _message(error, progress.failed, folder)
            outcome = Outcome(run_id, progress.components, error=message, folder=folder)
            progress.say(f"Error: {message}", style="red")
            if debug:
                progress.say(traceback.format_exc())
    outcome = replace(outcome, corrected=corrected)
    write_metrics(outcome, folder)
    return outcome


@dataclass(frozen=True)
class _Place:
    """From where to where a run goes: arguments of `pipelines.local_runner.run`."""

    data: str
    output: OutputFolders
    corrected: Corrected


def _run(
    config: PipelineConfig, place: _Place, run_id: str, progress: _Progress, *, force: bool
) -> None:
    # Read by TensorFlow's C++ code when it is imported; 2 leaves errors in the log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from components.backbone.loading import fetch_weights
    from pipelines.local_runner import run

    # Now, not when Embedder gets there: a download that fails should fail at once.
    fetch_weights(config.backbone.name, config.backbone.weights, config.image_size)
    run(config, **vars(place), run_id=run_id, listener=progress.on_component, force=force)


def _replay(
    config: PipelineConfig, place: _Place, plan: Plan, run_id: str, progress: _Progress
) -> None:
    """Records a run that reuses everything; TensorFlow and TFX are not needed for that."""
    from pipelines.metadata_store import opened
    from pipelines.plan.replay import Replay
    from pipelines.run_facts import RunFacts, record_of_run

    configuration = plain_yaml(config.resolved, without=WHERE_IT_RUNS)
    facts = RunFacts(configuration=configuration, data=place.data)
    record = record_of_run(facts, plan.nodes)
    Replay(plan, opened(place.output), run_id, record=record).run(progress.on_component)


def _completed(output: OutputFolders, run_id: str, progress: _Progress) -> Outcome:
    """Reads what came out of a run that ended, and writes its report."""
    from pipelines.report import write_report
    from pipelines.results import read_results

    results = read_results(output, run_id)
    folder = output.runs / run_id
    outcome = Outcome(run_id, progress.components, results, folder=folder)
    write_report(outcome, results, folder)
    return outcome


def _message(error: Exception, component: str | None, folder: Path) -> str:
    if isinstance(error, WarmstartError):
        return str(error)
    what = first_line(error)
    where = f"{component} failed" if component else "The run failed"
    if any(sign in what for sign in _NO_SPACE):
        return (
            f"{where}: no space is left on the disk of {folder} or of {tempfile.gettempdir()}; "
            "free some, or lower embed.max_disk_gb, and run the same command again: what is "
            "finished is not done again."
        )
    return f"{where}: {what} (the whole story is in {folder / LOG_FILE})."


class _Progress(logging.Handler):
    """Shows components as they end, epochs as they are logged, and what is going on now."""

    def __init__(self, stderr: TextIO, logs: ComponentLogs) -> None:
        super().__init__(logging.INFO)
        self._logs = logs
        self._console = Console(file=stderr, highlight=False)
        self._status: Status = self._console.status("Looking what is finished, else loading TFX")
        self._began = time.perf_counter()
        self.components: list[ComponentRun] = []
        self.failed: str | None = None

    @contextmanager
    def shown(self) -> Iterator[_Progress]:
        root = logging.getLogger()
        training = logging.getLogger("components.trainer")
        to_log = logging.StreamHandler()  # stderr, which is the run's log now.
        to_log.setFormatter(logging.Formatter(LOG_FORMAT))
        root.addHandler(to_log)
        root.setLevel(logging.INFO)
        training.addHandler(self)
        try:
            with self._status:
                yield self
        finally:
            training.removeHandler(self)
            root.removeHandler(to_log)

    def on_component(self, component: ComponentRun) -> None:
        if component.state == RUNNING:
            if not self.components and "tensorflow" in sys.modules:
                self.say(f"  loaded TensorFlow and TFX in {self._since_start():.1f} s", "dim")
            self._status.update(component.id)
            self._logs.begin(component.id)
            return
        if component.state != SKIPPED:
            self._logs.end()
        self.components.append(component)
        if component.state == "failed":
            self.failed = component.id
        mark, style = MARKS[component.state]
        self._console.print(
            Text.assemble(
                (f"{mark} ", style),
                f"{component.id:<22}",
                (f"{component.state:<9}", style),
                f"{component.seconds:6.1f} s",
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        self.say(f"  {record.getMessage()}", style)

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _since_start(self) -> float:
        return time.perf_counter() - self._began
