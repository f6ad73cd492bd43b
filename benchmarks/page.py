"""Measures the page of `warmstart review` as a process that a browser asks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COMMAND = "import sys; from cli.main import main; sys.argv[0] = 'warmstart'; main()"


@dataclass(frozen=True)
class PageMeasured:
    """What the page took.

    Attributes:
        first_seconds: from the start of the process to the whole first page.
        seconds: median of each page by its name, once that was shown.
        median_seconds: of all requests.
        slowest_seconds: of all requests, the first of a page among them.
        peak_gb: of resident memory of the process.
    """

    first_seconds: float
    seconds: dict[str, float]
    median_seconds: float
    slowest_seconds: float
    peak_gb: float


def measure_page(output: Path, rounds: int) -> PageMeasured:
    """Starts the server on a store of runs, asks for pages in turns, and ends it.

    Args:
        output: the folder with the store.
        rounds: how often each page is asked for.

    Raises:
        SystemExit: if a page is not shown.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-c", _COMMAND, "review", "--output", str(output), "--port", str(port)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parent.parent,
    )
    try:
        if process.stdout:
            process.stdout.readline()  # It listens.
        _ask(port, "/runs")
        first_seconds = time.perf_counter() - started
        pages = _pages(port)
        asked: dict[str, list[float]] = {name: [] for name in pages}
        for _ in range(rounds):
            for name, path in pages.items():
                before = time.perf_counter()
                _ask(port, path)
                asked[name].append(time.perf_counter() - before)
    finally:
        process.send_signal(signal.SIGINT)
        _, _, usage = os.wait4(process.pid, 0)
    everything = [seconds for of_page in asked.values() for seconds in of_page]
    return PageMeasured(
        first_seconds=first_seconds,
        seconds={name: statistics.median(of_page) for name, of_page in asked.items()},
        median_seconds=statistics.median(everything),
        slowest_seconds=max(everything),
        peak_gb=usage.ru_maxrss * 1024 / 1e9,
    )


def _pages(port: int) -> dict[str, str]:
    """Returns the path of each page, by its name."""
    runs: list[dict[str, Any]] = json.loads(_ask(port, "/runs.json"))["runs"]
    new, old = runs[0]["id"], runs[-1]["id"]
    components = json.loads(_ask(port, f"/runs/{new}.json"))["components"]
    last = components[-1]
    artifact = last["outputs"][0]["id"]
    return {
        "runs": "/runs",
        "runs, page 10": "/runs?page=10",
        "runs, searched": "/runs?q=000042Z",
        "run": f"/runs/{new}",
        "component": f"/runs/{new}/components/{last['execution']}",
        "comparison": f"/compare?run={old}&run={new}",
        "artifacts": "/artifacts",
        "artifact": f"/artifacts/{artifact}",
        "lineage": f"/artifacts/{artifact}/lineage?depth=12",
        "production": "/production",
    }


def _ask(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path}: status {answer.status}\n{content[-500:]!r}")
    return content
