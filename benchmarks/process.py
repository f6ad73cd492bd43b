"""Runs one side of a comparison as a process of its own, and measures it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """What one process took.

    Attributes:
        seconds: wall time, from its start.
        peak_gb: of resident memory; the kernel tells no less than this process has.
        result: the JSON object that it printed.
    """

    seconds: float
    peak_gb: float
    result: Any


def run(command: list[str], environment: dict[str, str] | None = None) -> Measured:
    """Runs a command that prints a JSON object as its last line.

    Args:
        command: with its arguments.
        environment: variables beside those of this process.

    Raises:
        SystemExit: if it fails.
    """
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603 (our own commands)
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=_ROOT,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):
        out = process.stdout.read().decode() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        # Popen knows nothing of this wait, and would look for the process once more.
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{' '.join(command[:4])} … failed:\n{out[-2000:]}{said}")
    # The libraries of the plain script print on stdout as well; its object is the last line.
    text = out if out.lstrip().startswith(("{", "[")) else out.strip().rsplit("\n", 1)[-1]
    return Measured(seconds, usage.ru_maxrss * 1024 / 1e9, json.loads(text))


def peak_gb(measured: Measured) -> float:
    """Returns the most memory of a run of the pipeline that printed its outcome.

    It lets the kernel begin anew with each component, so what is told of the whole process is that
    of the last one only.
    """
    return max(measured.peak_gb, *map(component_gb, measured.result["components"]))


def component_gb(component: dict[str, Any]) -> float:
    """Returns the most memory that the process had while a component ran; 0 if it is not told."""
    return (component.get("peak_memory") or 0) / 1e9
