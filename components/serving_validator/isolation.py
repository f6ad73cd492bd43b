"""Starts Python so that it finds the standard library and TensorFlow, and nothing of this project.

`-I -S` leave the standard library only. TensorFlow and what it requires are linked into an empty
folder, package by package, by what their distributions declare: neither this project nor TFX,
Beam, TensorFlow Transform, TensorFlow Text or Keras lies there, so none of them can be imported.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from components.serving_validator import clean_process

# What TensorFlow declares but a SavedModel must not need.
_LEFT_OUT = {"keras", "tensorboard"}

_DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu")

# Of what the process printed, kept in the log when it fails.
_LAST_CHARACTERS = 4000

# What the kernel does when memory runs out.
_HINTS = {
    "SIGKILL": ", as when memory runs out; end other programs, or choose a smaller backbone.name"
}

_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """Why a model cannot be served, as the end of a sentence."""


def ask(task: dict[str, Any], files: dict[str, bytes], *, timeout_s: float) -> dict[str, Any]:
    """Runs `clean_process` on a task; returns its answers.

    Args:
        task: what becomes `task.json`.
        files: contents by the names that the task gives them.
        timeout_s: seconds after which the process is ended.

    Raises:
        RefusedError: if the model fails, crashes or does not come to an end.
    """
    with tempfile.TemporaryDirectory(prefix="serving-validator-") as scratch:
        packages, folder, empty = (Path(scratch, name) for name in ("packages", "task", "empty"))
        for made in (packages, folder, empty):
            made.mkdir()
        link_tensorflow(packages)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        (folder / "stage").write_text("starting Python", encoding="utf-8")
        with (folder / "log").open("wb") as log:
            code = _run(packages, folder, empty, log, timeout_s)
        answers = _read(folder / "answers.json")
        if code == 0 and answers is not None:
            return answers
        printed = (folder / "log").read_text(encoding="utf-8", errors="replace")
        _log.warning("The process of the model printed: %s", printed[-_LAST_CHARACTERS:])
        stage = (folder / "stage").read_text(encoding="utf-8")
        raise RefusedError(_what_failed(code, answers, stage, timeout_s))


def link_tensorflow(folder: Path) -> None:
    """Links TensorFlow and what it requires into a folder, and nothing else."""
    found: dict[str, metadata.Distribution] = {}
    for name in _DISTRIBUTIONS:
        _collect(name, found)
    for distribution in found.values():
        # The first two parts of each file's path: several distributions share a folder, `google`.
        starts = {file.parts[:2] for file in distribution.files or ()}
        for top in sorted({parts[0] for parts in starts}):
            if top in {"..", "__pycache__"} or top.endswith((".dist-info", ".pth")):
                continue
            place = Path(str(distribution.locate_file(top)))
            if not place.is_dir() or (place / "__init__.py").exists():
                _link(folder / top, place)
                continue
            (folder / top).mkdir(exist_ok=True)
            for parts in starts:
                if parts[0] == top and len(parts) > 1:
                    _link(folder / top / parts[1], place / parts[1])


def _collect(name: str, found: dict[str, metadata.Distribution]) -> None:
    """Adds an installed distribution, and all that it requires, by normalized name."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found or key in _LEFT_OUT:
        return
    try:
        found[key] = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    for line in found[key].requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            _collect(requirement.name, found)


def _link(link: Path, place: Path) -> None:
    if place.exists() and not link.is_symlink():
        link.symlink_to(place)


def _run(packages: Path, folder: Path, empty: Path, log: Any, timeout_s: float) -> int | None:
    """Returns the exit code, or None if time ran out."""
    script = str(Path(clean_process.__file__).resolve())
    # The reference was computed on the CPU, too, whatever trained the model.
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    try:
        return subprocess.run(  # noqa: S603 (our own script, in this very Python)
            [sys.executable, "-I", "-S", "-B", script, str(packages), str(folder)],
            cwd=empty,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=timeout_s,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return None


def _read(file: Path) -> dict[str, Any] | None:
    try:
        answers: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return answers


def _what_failed(
    code: int | None, answers: dict[str, Any] | None, stage: str, timeout_s: float
) -> str:
    if code is None:
        return f"its process had not ended after {timeout_s:g} s, while {stage}"
    if answers is not None and "failed" in answers:
        return str(answers["failed"])
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"its process was ended by {name} while {stage}{_HINTS.get(name, '')}"
    return f"its process ended with exit code {code} while {stage}"
