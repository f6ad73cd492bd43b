"""Runs the pipeline while showing each component and each epoch on the terminal."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from cli.component_logs import ComponentLogs
from cli.interruption import ended_in_time
from cli.progress import JsonProgress, Progress, TerminalProgress
from cli.run_decisions import log_plan, log_results, log_unplanned
from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.cancelling import cancel
from pipelines.captured_output import output_to
from pipelines.config import PipelineConfig
from pipelines.folders import OutputFolders, closed_part
from pipelines.forgotten import forget
from pipelines.metadata_backup import back_up
from pipelines.outcome import Outcome, new_run_id, write_metrics
from pipelines.plan.planner import Plan, planned_run
from pipelines.tracing import Listener, RunTrace
from schemas.corrections import CORRECTIONS_FILE, write_corrections
from schemas.errors import WarmstartError, first_line
from schemas.run_folder import LOG_FILE, METRICS_FILE

_INTERRUPTED = (
    "Interrupted. The same command goes on from here: what is finished is not done again, and "
    "training begins with the epoch that it was in."
)

_ONCE_MORE = "run the same command again: what is finished is not done again."

# Beam, TensorFlow and SQLite hand on no more than the text.
_NO_SPACE = (os.strerror(errno.ENOSPC), "database or disk is full")

# Python's, NumPy's and the operating system's words.
_NO_MEMORY = ("MemoryError", "Unable to allocate", os.strerror(errno.ENOMEM))


def run_with_progress(
    config: PipelineConfig,
    data: str,
    output: OutputFolders,
    *,
    corrected: Corrected = NO_CORRECTIONS,
    fingerprint: str,
    force: bool,
    log_json: bool,
    debug: bool,
    trace: RunTrace,
) -> Outcome:
    """Runs the pipeline; what libraries print goes to the run's logs instead of the terminal.

    Args:
        config: what to do.
        data: absolute path, or remote place, of the data folder, manifest or archive.
        output: where results go.
        corrected: what a person decided about these photos.
        fingerprint: of the data.
        force: run every component, whatever earlier runs made.
        log_json: show what happens as JSON, an object in a line.
        debug: show the traceback of a component that fails.
        trace: follows the run, and is sent when it has ended.
    """
    run_id = new_run_id()
    folder = output.runs / run_id
    folder.mkdir(parents=True)
    if corrected.applied:
        write_corrections(folder / CORRECTIONS_FILE, corrected.applied)

    def interrupted() -> Outcome:
        progress.say(_INTERRUPTED, style="yellow")
        cancel(output, run_id)
        return Outcome(
            run_id, progress.components, error=_INTERRUPTED, folder=folder, interrupted=True
        )

    def last_words() -> None:
        outcome = replace(interrupted(), corrected=corrected)
        trace.send(_kept(outcome, folder, progress), progress.say)

    with (
        output_to(folder / LOG_FILE) as stderr,
        ComponentLogs(folder).closed() as logs,
        (JsonProgress if log_json else TerminalProgress)(stderr, logs).shown() as progress,
        ended_in_time(last_words),
    ):
        try:
            place = _Place(data, output, corrected)
            back_up(output)
            forget(output)
            plan = None if force else planned_run(config, **vars(place), fingerprint=fingerprint)
            trace.explain(log_plan(plan, output) if plan else {})
            listener = trace.following(progress.on_component)
            if plan and plan.is_all_reused:
                _replay(config, place, plan, run_id, listener)
            else:
                _run(config, place, run_id, listener, force=force)
            if not plan:
                trace.explain(log_unplanned(output, run_id))
            outcome = _completed(output, run_id, progress)
        except KeyboardInterrupt:
            outcome = interrupted()
        except Exception as error:
            if not progress.failed:  # What a component raised is logged where it was raised.
                logging.getLogger(__name__).exception("The run failed.")
            message = _message(error, progress.failed, folder, output)
            outcome = Outcome(run_id, progress.components, error=message, folder=folder)
            progress.say(f"Error: {message}", style="red")
            if debug:
                progress.say(traceback.format_exc())
        outcome = _kept(replace(outcome, corrected=corrected), folder, progress)
        trace.send(outcome, progress.say)
        return outcome


@dataclass(frozen=True)
class _Place:
    """From where to where a run goes: arguments of `pipelines.local_runner.run`."""

    data: str
    output: OutputFolders
    corrected: Corrected


def _run(
    config: PipelineConfig, place: _Place, run_id: str, listener: Listener, *, force: bool
) -> None:
    # Read by TensorFlow's C++ code when it is imported; 2 leaves errors in the log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from components.backbone.loading import fetch_weights
    from pipelines.local_runner import run

    # Now, not when Embedder gets there: a download that fails should fail at once.
    fetch_weights(config.backbone.name, config.backbone.weights, config.image_size)
    run(config, **vars(place), run_id=run_id, listener=listener, force=force)


def _replay(
    config: PipelineConfig, place: _Place, plan: Plan, run_id: str, listener: Listener
) -> None:
    """Records a run that reuses everything; TensorFlow and TFX are not needed for that."""
    from pipelines.metadata_store import opened
    from pipelines.plan.replay import Replay
    from pipelines.run_facts import RunFacts, record_of_run

    record = record_of_run(RunFacts.of(config, place.data), plan.nodes)
    Replay(plan, opened(place.output), run_id, record=record).run(listener)


def _completed(output: OutputFolders, run_id: str, progress: Progress) -> Outcome:
    """Reads what came out of a run that ended, and writes its report."""
    from pipelines.report import write_report
    from pipelines.results import read_results

    results = read_results(output, run_id)
    log_results(results)
    folder = output.runs / run_id
    outcome = Outcome(run_id, progress.components, results, folder=folder)
    write_report(outcome, results, folder)
    return outcome


def _kept(outcome: Outcome, folder: Path, progress: Progress) -> Outcome:
    """Writes what a run came to; one that cannot be kept has failed, whatever it came to."""
    try:
        write_metrics(outcome, folder)
    except OSError as error:
        message = f"{folder / METRICS_FILE} cannot be written ({error.strerror}); {_ONCE_MORE}"
        progress.say(f"Error: {message}", style="red")
        return replace(outcome, results=None, error=outcome.error or message)
    return outcome


def _message(error: Exception, component: str | None, folder: Path, output: OutputFolders) -> str:
    if isinstance(error, WarmstartError):
        return str(error)
    what = first_line(error)
    where = f"{component} failed" if component else "The run failed"
    if any(sign in what for sign in _NO_SPACE):
        return (
            f"{where}: no space is left on the disk of {folder} or of {tempfile.gettempdir()}; "
            f"free some, or lower embed.max_disk_gb, and {_ONCE_MORE}"
        )
    if isinstance(error, MemoryError) or any(sign in what for sign in _NO_MEMORY):
        return (
            f"{where}: memory ran out; lower train.batch_size, data.max_pixels or engine.workers, "
            f"and {_ONCE_MORE}"
        )
    if closed := closed_part(output):
        return f"{where}: {closed} can no longer be written to; make it writable, and {_ONCE_MORE}"
    return f"{where}: {what} (the whole story is in {folder / LOG_FILE})."
