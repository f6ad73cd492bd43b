"""Waiting for what happens elsewhere: until it has happened, and never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4


def wait_until(happened: Callable[[], object], seconds: float = 60) -> None:
    """Returns as soon as something has happened; a test fails where it does not in time.

    Args:
        happened: asked again and again.
        seconds: at most.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"Nothing of what was waited for came in {seconds} s."
        time.sleep(0.01)


def wait_for_tick(folder: Path) -> None:
    """Waits until a file that is written has another time than all files before."""
    probe = folder.parent / f"tick-{uuid4().hex}"

    def written() -> int:
        probe.write_bytes(b"1")
        return probe.stat().st_mtime_ns

    before = written()
    wait_until(lambda: written() > before)
    probe.unlink()
