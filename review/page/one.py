"""Answers a single request without a server, for scripts."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, unquote

from review.page.app import make_app
from review.page.guard import Access
from review.store import Output
from schemas.errors import ConfigError

_HOST = "127.0.0.1"
_PORT = 80

_EVENTS = b"text/event-stream"

# Of a query; a browser writes the rest as %XX.
_KEPT = "%&=+/?:@!$'()*,;"


class _EndlessError(Exception):
    """The answer goes on for as long as a run does."""


def answer_to(output: Output, target: str) -> tuple[int, bytes]:
    """Returns the status and the content of what is at an address.

    Args:
        output: the folder that a pipeline writes to.
        target: path and query, such as `/runs.json?state=failed`.

    Raises:
        ConfigError: if the answer has no end.
    """
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/" + unquote(path).lstrip("/"),
        "raw_path": path.encode(errors="surrogateescape"),
        "query_string": quote(query, safe=_KEPT, errors="surrogateescape").encode(),
        "root_path": "",
        "headers": [(b"host", f"{_HOST}:{_PORT}".encode())],
        "client": None,
        "server": (_HOST, _PORT),
    }
    status, content = 0, bytearray()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # Who asks waits for the whole answer.
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            if _EVENTS in dict(message["headers"]).get(b"content-type", b""):
                raise _EndlessError
        content.extend(message.get("body", b""))

    async def answer() -> None:
        await make_app(output, Access(_HOST, _PORT))(scope, receive, send)

    try:
        asyncio.run(answer())
    except _EndlessError:
        raise ConfigError(
            f"--get {target} has no end: it tells a browser what goes on; ask for the page itself."
        ) from None
    return status, bytes(content)
