"""Runs of the command line that are killed, and what must hold after each."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline_runs import QUICK

from components.serving.model_folder import numbered_folders

WARMSTART = str(Path(sys.executable).with_name("warmstart"))
SETTINGS = (*QUICK, "frozen.epochs=4", "fine_tune.epochs=2", "train.early_stopping=0")

_COMPONENT = re.compile(r"^[✓=✗] (\w+) +(\w+) ")
_EPOCH = re.compile(r"(frozen|fine-tuned) (\d+)/")


@dataclass
class Attempt:
    """One run of the pipeline, killed or not.

    Attributes:
        states: of the components that ended, by id.
        epochs: that ended, as `frozen 3`.
        killed: whether it was.
        outcome: what it printed, if it came to its end, well or not.
        exit_code: of the process.
    """

    states: dict[str, str] = field(default_factory=dict)
    epochs: list[str] = field(default_factory=list)
    killed: bool = False
    outcome: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0

    def note(self, line: str) -> str:
        """Notes what a line tells; returns the component or epoch that ended, or nothing."""
        if ended := _COMPONENT.match(line):
            self.states[ended[1]] = ended[2]
            return ended[1]
        if ended := _EPOCH.search(line):
            self.epochs.append(f"{ended[1]} {ended[2]}")
            return self.epochs[-1]
        return ""


def attempt(
    data: Path,
    output: Path,
    *,
    kill_after: float | None = None,
    kill_at: Callable[[str], bool] = lambda ended: False,
    with_signal: int = signal.SIGKILL,
    prefix: Sequence[str] = (),
    settings: Sequence[str] = SETTINGS,
) -> Attempt:
    """Runs the pipeline until it ends or is killed.

    Args:
        data: the photos.
        output: its output folder.
        kill_after: seconds, or None.
        kill_at: told each component and epoch that ended; kills if it says so.
        with_signal: how.
        prefix: of the command.
        settings: of the pipeline.
    """
    command = [*prefix, WARMSTART, "pipeline", "run", "--json"]
    command += ["--data", str(data), "--output", str(output)]
    command += [f"--set={setting}" for setting in settings]
    made = Attempt()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:

        def kill() -> None:
            if process.poll() is None:
                made.killed = True
                process.send_signal(with_signal)

        timer = threading.Timer(kill_after or 0, kill)
        if kill_after is not None:
            timer.start()
        for line in _lines(process):
            if kill_at(made.note(line)):
                kill()
        said = process.stdout.read() if process.stdout else ""
        timer.cancel()
        made.exit_code = process.wait()
    if said.strip() and process.returncode in {0, 1}:
        made.killed = False  # It was faster than the signal.
        made.outcome = json.loads(said)
    return made


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stderr is not None
    yield from process.stderr


def assert_nothing_half(output: Path) -> None:
    """Asserts what holds after a kill: no half version is served, and the store can be read."""
    models = output / "models"
    for version in numbered_folders(models) if models.exists() else ():
        assert (version / "saved_model.pb").stat().st_size > 0
        assert (version / "variables" / "variables.index").exists()
        assert (version / "assets.extra" / "metrics.json").exists()
    if (output / "metadata.sqlite").exists():
        listed = list_runs(output)
        assert listed.returncode == 0 or "holds no run" in listed.stderr, listed.stderr


def list_runs(output: Path) -> subprocess.CompletedProcess[str]:
    """Runs `warmstart runs list --json`."""
    command = [WARMSTART, "runs", "list", "--json", "--output", str(output)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def result_of(outcome: dict[str, Any]) -> dict[str, Any]:
    """Returns of an outcome what does not depend on when and how often it was run."""
    kept = ("state", "blessed", "metrics", "classes", "quarantined", "label_suspicions")
    return {name: outcome[name] for name in kept}
