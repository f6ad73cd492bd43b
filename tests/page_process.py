"""Serves the page in a process of its own, which Ctrl-C ends as it does for a user."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_SCRIPT = """
import sys
from pathlib import Path
from review.page.server import place_for, serve
from schemas.output_folders import OutputFolders

from review.page import server

server._SECONDS_TO_ASK = float(sys.argv[3])
place = place_for("127.0.0.1", int(sys.argv[2]), None)
serve(OutputFolders(Path(sys.argv[1])), place, ready=lambda: print("listens", flush=True))
"""


@contextmanager
def served(root: Path) -> Iterator[int]:
    """Serves an output folder; gives the port."""
    with serving(root) as (port, _):
        yield port


@contextmanager
def serving(
    root: Path, *, seconds_to_ask: float = 20, stderr: IO[bytes] | None = None
) -> Iterator[tuple[int, int]]:
    """Serves an output folder; gives the port, and the id of the process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-c", _SCRIPT, str(root), str(port), str(seconds_to_ask)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "listens\n"
            yield port, process.pid
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
