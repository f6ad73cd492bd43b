"""Tells a browser when a run went on, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html: the page then asks for what it
shows anew, so that there is one way only in which it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

# Seconds between two looks at the store and the log, which are two calls of `stat`.
_PAUSE = 1.0

# Seconds between two looks at whether the server ends.
_STEP = 0.2

# Seconds after which something is sent in any case: else neither side notices that the other left.
_SILENCE = 15.0

# For as long a connection is kept, in seconds; the browser opens another one.
_LONGEST = 600.0


async def changes(
    sign: Callable[[], object],
    stopped: Callable[[], bool] = lambda: False,
    *,
    pause: float = _PAUSE,
) -> AsyncIterator[str]:
    """Sends an event whenever something changes.

    Args:
        sign: returns what differs whenever there is something new.
        stopped: tells whether the server ends, which waits for connections only a moment.
        pause: seconds between two calls of `sign`.
    """
    last = await run_in_threadpool(sign)
    # The browser waits as many milliseconds before it connects again.
    yield "retry: 2000\n\n"
    waited = total = 0.0
    while total < _LONGEST and await _rested(pause, stopped):
        waited, total = waited + pause, total + pause
        found = await run_in_threadpool(sign)
        if found != last:
            last, waited = found, 0.0
            yield "event: changed\ndata:\n\n"
        elif waited >= _SILENCE:
            waited = 0.0
            yield ": still here\n\n"


async def _rested(seconds: float, stopped: Callable[[], bool]) -> bool:
    """Waits; returns False, and at once, if the server ends meanwhile."""
    while seconds > 0 and not stopped():
        await asyncio.sleep(min(seconds, _STEP))
        seconds -= _STEP
    return not stopped()
