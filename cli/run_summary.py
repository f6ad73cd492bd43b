"""Prints what came out of a run."""

from __future__ import annotations

import shlex
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.dataset.corrections import Corrected
from components.evaluator.metrics import ACCURACY
from pipelines.outcome import CACHED, Outcome, Results
from schemas import features
from schemas.corrections import counts
from schemas.errors import printable
from schemas.run_folder import LOG_FILE, METRICS_FILE, REPORT_FILE

# Of the files that were set aside.
_MOST_SHOWN = 10


def print_summary(outcome: Outcome) -> None:
    """Prints the result of a run on stdout: quality, blessing, and where everything is."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    console.print(f"Run {outcome.run_id}")
    results = outcome.results
    if results is None:
        console.print(f"Failed. The log is {_path(outcome, LOG_FILE)}")
        return
    measured = results.measured
    low, high = measured.intervals[ACCURACY]
    console.print(
        f"Accuracy {measured.metrics[ACCURACY]:.1%} on {measured.photos} evaluation photos; "
        f"{low:.0%} to {high:.0%} on further ones like them"
    )
    console.print(_classes_table(results))
    _print_survey(console, results)
    _print_corrections(console, outcome.corrected)
    _print_label_suspicions(console, len(results.label_suspicions))
    if results.not_pushed_because:
        because = f"but not pushed: {results.not_pushed_because}"
        console.print(Text(f"Blessed: the model reached every threshold, {because}.", "yellow"))
    elif results.blessed:
        console.print(Text("Blessed: the model reached every threshold.", style="green"))
    else:
        reasons = "; ".join(measured.reasons) or "see the log"
        console.print(Text(f"Not blessed, so not pushed: {reasons}.", style="yellow"))
    cached = sum(component.state == CACHED for component in outcome.components)
    seconds = sum(component.seconds for component in outcome.components)
    console.print(
        f"{len(outcome.components)} components in {seconds:.1f} s, {cached} of them cached"
    )
    console.print()
    for name, place in (
        ("Model", results.pushed_to),
        ("Report", _path(outcome, REPORT_FILE)),
        ("Metrics", _path(outcome, METRICS_FILE)),
        ("Log", _path(outcome, LOG_FILE)),
    ):
        if place:
            console.print(f"{name:<12} {place}")
    output = str(outcome.folder.parent.parent) if outcome.folder else ""
    # As it was called: .venv/bin need not be on PATH.
    command = shlex.quote(sys.argv[0])
    if results.pushed_to:
        console.print(
            f"{'Try it':<12} {command} predict {shlex.quote(results.pushed_to)} PHOTO.jpg"
        )
    console.print(f"{'Curves':<12} {command} tensorboard --output {shlex.quote(output)}")
    console.print(f"{'Review':<12} {command} review --output {shlex.quote(output)} --open")


def _print_survey(console: Console, results: Results) -> None:
    """Prints what is odd about the photos: files that were set aside, and warnings."""
    files = results.survey["quarantined"]
    if files:
        count = "1 file was" if len(files) == 1 else f"{len(files)} files were"
        console.print(Text(f"{count} set aside and not learnt from:", style="yellow"))
        for file in files[:_MOST_SHOWN]:
            console.print(Text(f"  {printable(file['path'])}: {file['reason']}"))
        hidden = len(files) - _MOST_SHOWN
        if hidden > 0:
            console.print(f"  and {hidden} more, see {results.quarantine}")
    anomalies = [anomaly["sentence"] for anomaly in results.anomalies]
    for warning in (*results.survey["warnings"], *anomalies):
        console.print(Text(f"Note: {warning}", style="yellow"))


def _print_corrections(console: Console, corrected: Corrected) -> None:
    """Prints how many corrections were applied, and how many have nothing to apply to."""
    applied, unmatched = len(corrected.applied), len(corrected.unmatched)
    if applied:
        what = "1 correction was" if applied == 1 else f"{applied} corrections were"
        console.print(f"{what} applied: {counts(corrected.applied).sentence}")
    if unmatched:
        what = "1 correction fits" if unmatched == 1 else f"{unmatched} corrections fit"
        console.print(Text(f"{what} no photo any more", style="yellow"))


def _print_label_suspicions(console: Console, count: int) -> None:
    if count:
        what = "1 label looks wrong" if count == 1 else f"{count} labels look wrong"
        console.print(Text(f"{what}, see the report", style="yellow"))


def _classes_table(results: Results) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("class")
    for heading in ("recognised", "of", "learnt from"):
        table.add_column(heading, justify="right")
    for of in results.measured.classes:
        learnt_from = results.survey["classes"][of.label][features.TRAIN]
        recall = "-" if of.recall is None else f"{of.recall:.1%}"
        table.add_row(Text(printable(of.label)), recall, str(of.photos), str(learnt_from))
    return table


def _path(outcome: Outcome, name: str) -> str:
    return str(outcome.folder / name) if outcome.folder else name
