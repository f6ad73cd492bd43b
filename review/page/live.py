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

# Seconds after which something is sent in any case: else neither side notices that the other left.
_SILENCE = 15.0

# For as long a connection is kept, in seconds; the browser opens another one.
_LONGEST = 600.0


async def changes(sign: Callable[[], object], pause: float = _PAUSE) -> AsyncIterator[str]:
    """Sends an event whenever something changes.

    Args:
        sign: returns what differs whenever there is something new.
        pause: seconds between two calls of it.
    """
    last = await run_in_threadpool(sign)
    # The browser waits as many milliseconds before it connects again.
    yield "retry: 2000\n\n"
    waited = total = 0.0
    while total < _LONGEST:
        await asyncio.sleep(pause)
        waited, total = waited + pause, total + pause
        found = await run_in_threadpool(sign)
        if found != last:
            last, waited = found, 0.0
            yield "event: changed\ndata:\n\n"
        elif waited >= _SILENCE:
            waited = 0.0
            yield ": still here\n\n"
