"""TensorFlow imported in a process of its own: a broken one must not end ours."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from pipelines.environment.checks import FAIL, PASS, WARN, Check
from schemas.errors import printable

# All of the doctor has 20 seconds, also on a busy machine.
_SECONDS = 14.0

_PROGRAM = """
import json, time
start = time.monotonic()
import tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
found = {"version": tf.__version__, "gpus": len(gpus), "seconds": time.monotonic() - start}
print("\\n" + json.dumps(found))
"""


@contextmanager
def importing(seconds: float = _SECONDS) -> Iterator[TensorFlowImport]:
    """Imports TensorFlow while other things are looked at.

    Args:
        seconds: that it may take.

    Yields:
        The import; what of it still goes on in the end is ended.
    """
    # Files, since a pipe that nobody reads yet would hold it up.
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        subprocess.Popen(  # noqa: S603 (the program above)
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.DEVNULL, stdout=out, stderr=err
        ) as process,
    ):
        try:
            yield TensorFlowImport(process, out, err, seconds)
        finally:
            process.kill()


class TensorFlowImport:
    """An import that goes on."""

    def __init__(
        self, process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes], seconds: float
    ) -> None:
        """Takes what was started.

        Args:
            process: that imports.
            out: what it prints.
            err: what it says of errors.
            seconds: that it may take from now on.
        """
        self._process = process
        self._out = out
        self._err = err
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self, gpus: int) -> Check:
        """Waits for it, and says what came of it.

        Args:
            gpus: that the driver shows.
        """
        try:
            code = self._process.wait(max(0.0, self._end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return Check(
                "Import",
                WARN,
                f"TensorFlow was not imported within {self._seconds:.0f} s: the machine is slow, "
                "or busy; look again when it is idle.",
            )
        if code:
            return Check("Import", FAIL, f"TensorFlow cannot be imported: {self._reason(code)}.")
        return _judged(self._found(), gpus)

    def _found(self) -> _Found:
        self._out.seek(0)
        return _Found(**json.loads(self._out.read().decode().splitlines()[-1]))

    def _reason(self, code: int) -> str:
        if code < 0:
            name = signal.Signals(-code).name
            hint = ", as without AVX" if name == "SIGILL" else ""
            return f"the process was ended by {name}{hint}"
        self._err.seek(0)
        lines = self._err.read().decode(errors="replace").split("\n")
        told = [line.strip() for line in lines if line.strip()]
        return printable(told[-1].rstrip(".")) if told else f"Python exited with {code}"


@dataclass(frozen=True)
class _Found:
    version: str
    gpus: int
    seconds: float


def _judged(found: _Found, gpus: int) -> Check:
    took = f"{found.version}, imported in {found.seconds:.1f} s"
    if gpus and not found.gpus:
        return Check(
            "Import",
            WARN,
            f"{took}, uses none of {_count(gpus)}: CUDA's libraries are not here as this "
            "TensorFlow needs them; the image has them, see `warmstart docker`.",
        )
    if found.gpus < gpus:
        return Check("Import", WARN, f"{took}, uses {found.gpus} of {_count(gpus)}.")
    return Check("Import", PASS, f"{took}, uses {_count(found.gpus) if found.gpus else 'no GPU'}.")


def _count(gpus: int) -> str:
    return "1 GPU" if gpus == 1 else f"{gpus} GPUs"
