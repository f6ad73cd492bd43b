"""What a component logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from review.library import Library
from review.log_text import LogText, text_of
from review.logs import Log, log_of
from review.page.shown import Shown
from review.page.views.run import run_as_data
from review.records import FAILED, Execution, Run
from schemas.errors import ConfigError

# Of the last lines, below what else is known of a component.
_TAIL = 40


def log(library: Library, run_id: int, execution_id: int, query: Mapping[str, str]) -> Shown:
    """Shows the log of a component line by line.

    Args:
        library: of the store.
        run_id: in the store.
        execution_id: the same.
        query: `q`, a text: only the lines that hold it.

    Raises:
        ConfigError: if there is no such run or execution.
    """
    entry = library.entry(run_id)
    execution = execution_of(entry.run, execution_id)
    found, text = _read(library, entry.run, execution)
    wanted = query.get("q", "").lower()
    lines = [line for line in text.lines if wanted in line.text.lower()]
    return Shown(
        "log.html",
        {
            "run": run_as_data(entry),
            "node": execution.node,
            "execution": execution.id,
            "log": _as_data(execution, found, text),
            "q": query.get("q", ""),
            "lines": [asdict(line) for line in lines],
        },
    )


def tail_of(library: Library, run: Run, execution: Execution) -> dict[str, Any] | None:
    """Returns the last lines of a component's log; None if there is none."""
    found, text = _read(library, run, execution)
    if found is None:
        return None
    last = [asdict(line) for line in text.lines[-_TAIL:]]
    return {**_as_data(execution, found, text), "lines": last, "count": len(text.lines)}


def execution_of(run: Run, execution_id: int) -> Execution:
    """Returns an execution of a run.

    Raises:
        ConfigError: if the run has none with this id.
    """
    found = next((one for one in run.executions if one.id == execution_id), None)
    if found is None:
        raise ConfigError(f"Run {run.name} has no execution {execution_id}.")
    return found


def _read(library: Library, run: Run, execution: Execution) -> tuple[Log | None, LogText]:
    with library.reading() as opened:
        found = log_of(library.output, opened.history, run, execution.node)
    return found, text_of(found) if found else LogText((), 0, None)


def _as_data(execution: Execution, found: Log | None, text: LogText) -> dict[str, Any]:
    # Libraries call an error what harms nothing.
    error = text.error if execution.state == FAILED else None
    return {
        "run": found.run if found else None,
        "of_other_run": bool(found and found.of_other_run),
        "bytes_left_out": text.bytes_left_out,
        "error": asdict(error) if error else None,
    }
