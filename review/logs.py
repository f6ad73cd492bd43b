"""Finds what a component logged, in the folder of the run that it ran in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from review.files import opened_below
from review.history import History
from review.records import CACHED, Execution, Run
from review.store import Output
from schemas.errors import ConfigError, PipelineError, printable
from schemas.run_folder import LOGS_FOLDER, component_log


@dataclass(frozen=True)
class Log:
    """What a component logged.

    Attributes:
        run: name of the run that it ran in.
        node: id of the component.
        path: of the file, which grows while the component runs.
        of_other_run: whether the run that was asked about reused what that one made.
    """

    run: str
    node: str
    path: Path
    of_other_run: bool

    def open(self) -> BinaryIO:
        """Opens it for reading.

        Raises:
            OSError: if it is gone.
        """
        return opened_below(self.path.parents[2], *self.path.parts[-3:])


def log_of(output: Output, history: History, run: Run, node: str) -> Log | None:
    """Returns the log of a component; of one that was reused, that of the run that made it.

    Args:
        output: the folder.
        history: of its store.
        run: that is asked about.
        node: id of the component.

    Returns:
        None where the run did not come to the component, or its log is not there.
    """
    execution = run.execution_of(node)
    name = _origin(history, execution) if execution else ""
    path = _file(output, name, node)
    return Log(name, node, path, of_other_run=name != run.name) if path else None


def find_log(output: Output, history: History, run: Run, component: str) -> Log:
    """Returns the log of a component.

    Args:
        output: the folder.
        history: of its store.
        run: that is asked about.
        component: its id, in any case.

    Raises:
        ConfigError: if the run has no such component.
        PipelineError: if the run did not come to it, or the log is not there.
    """
    reached = [one.node for one in run.executions]
    nodes = [*reached, *run.unreached]
    node = next((node for node in nodes if node.lower() == component.lower()), None)
    if node is None:
        raise ConfigError(
            f"Run {printable(run.name)} has no component {printable(component)}; it has "
            f"{', '.join(map(printable, nodes)) or 'none'}."
        )
    if log := log_of(output, history, run, node):
        return log
    if node not in reached:
        raise PipelineError(
            f"Run {printable(run.name)} did not come to {printable(node)}, so that has no log; "
            "`warmstart runs show` without --log tells where the run ended."
        )
    execution = run.execution_of(node)
    origin = _origin(history, execution) if execution else ""
    raise PipelineError(
        f"There is no log of {printable(node)} in run {printable(origin)} (no "
        f"{LOGS_FOLDER}/{printable(component_log(node))} in its folder below {output.runs}): only "
        "`warmstart pipeline run` writes one, and `warmstart runs delete` removes it; run the "
        "pipeline again to have one."
    )


def _origin(history: History, execution: Execution) -> str:
    """Returns the name of the run in which a component ran last, to make what this one has."""
    if execution.state != CACHED:
        return execution.run
    makers = history.makers(execution.output_ids).values()
    return next((maker.run for maker in makers), execution.run)


def _file(output: Output, run: str, node: str) -> Path | None:
    """Returns the file, if it lies where its names say: a store may name other places."""
    if not (_is_plain(run) and _is_plain(node)):
        return None
    parts = (run, LOGS_FOLDER, component_log(node))
    try:
        opened_below(output.runs, *parts).close()
    except (OSError, ValueError):
        return None  # A name may also be too long, or one that no file can have.
    return output.runs.joinpath(*parts)


def _is_plain(name: str) -> bool:
    """Tells whether a name is one of a folder or file that is not hidden."""
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\\0")
