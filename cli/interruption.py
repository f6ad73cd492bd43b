"""Ends a run soon after Ctrl-C, whatever it is in the middle of."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# As shells report a process ended by Ctrl-C: 128 + SIGINT.
INTERRUPTED = 130

# Seconds. Python hears a signal between two of its own steps, but a step of TensorFlow, or Beam
# while it waits for its threads, can take longer than people wait.
_PATIENCE = 3.0


@contextmanager
def ended_in_time(last_words: Callable[[], None], patience: float = _PATIENCE) -> Iterator[None]:
    """Gives what runs in the block some seconds to end after Ctrl-C, then ends the process.

    A second Ctrl-C ends it at once. In another than the main thread, which no signal reaches, the
    block runs as it is.

    Args:
        last_words: called before the process is ended that way, in a thread of its own.
        patience: seconds.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up() -> None:
        try:
            last_words()
        finally:
            os._exit(INTERRUPTED)

    timer = threading.Timer(patience, give_up)
    timer.daemon = True

    def heard(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
        timer.start()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, heard)
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
