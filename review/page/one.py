"""Answers a single request without a server, for scripts."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from review.page.app import make_app
from review.page.guard import Access
from review.store import Output

_HOST = "127.0.0.1"
_PORT = 80


def answer_to(output: Output, target: str) -> tuple[int, bytes]:
    """Returns the status and the content of what is at an address.

    Args:
        output: the folder that a pipeline writes to.
        target: path and query, such as `/runs.json?state=failed`.
    """
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path) or "/",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", f"{_HOST}:{_PORT}".encode())],
        "client": None,
        "server": (_HOST, _PORT),
    }
    status, content = 0, bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        content.extend(message.get("body", b""))

    async def answer() -> None:
        await make_app(output, Access(_HOST, _PORT))(scope, receive, send)

    asyncio.run(answer())
    return status, bytes(content)
