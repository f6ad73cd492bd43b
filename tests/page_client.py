"""Asks the page without a server: a request can be what no well-behaved client would send."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode, urljoin, urlsplit

from review.page.app import make_app
from review.page.guard import Access
from review.store import Output

PORT = 8765
HOST = f"127.0.0.1:{PORT}"

# Where a page leads to, and what it asks for by itself.
_LINK = re.compile(r'\b(?:href|src|action|data-live|data-next)="([^"]*)"')


# A lineage leads to itself, one component deeper each time.
_DEEP = re.compile(r"[?&]depth=(?!2$)")


@dataclass(frozen=True)
class Answer:
    """What the page answered.

    Attributes:
        status: of HTTP.
        headers: by their names in lower case; each is there only once.
        content: the body, or as much of it as was waited for.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def data(self) -> Any:
        return json.loads(self.content, parse_constant=_refuse)


class PageClient:
    """Asks one page again and again."""

    def __init__(self, output: Output, access: Access | None = None) -> None:
        self.app = make_app(output, access or Access("127.0.0.1", PORT))

    def close(self) -> None:
        """Closes what the page keeps open; it can be asked again."""
        self.app._app.state.gallery.close()

    def get(
        self, target: str, *headers: tuple[str, str], method: str = "GET", host: str | None = HOST
    ) -> Answer:
        """Sends a request with these headers, and with one Host unless that is None."""
        sent = [("host", host)] if host is not None else []
        return asyncio.run(_answer(self.app, target, [*sent, *headers], method, b""))

    def post(self, target: str, *headers: tuple[str, str], **form: str) -> Answer:
        """Sends a form, as a page of this server does unless headers say something else."""
        own = [("host", HOST), *(headers or [("origin", f"http://{HOST}")])]
        return asyncio.run(_answer(self.app, target, own, "POST", urlencode(form).encode()))


async def _answer(
    app: Any, target: str, headers: Iterable[tuple[str, str]], method: str, body: bytes
) -> Answer:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        # As uvicorn does: decoded once.
        "path": unquote_to_bytes(path).decode(errors="replace"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", PORT),
    }
    started: list[Any] = []
    content = bytearray()

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
        content.extend(message.get("body", b""))
        if (
            b"text/event-stream" in dict(started[0]["headers"]).get(b"content-type", b"")
            and content
        ):
            raise OSError("the browser left")  # As servers do: a stream has no end.

    try:
        await app(scope, receive, send)
    except Exception:
        if not started:
            raise
    (start,) = started
    names = [name.decode().lower() for name, _ in start["headers"]]
    assert len(names) == len(set(names)), names
    values = (value.decode() for _, value in start["headers"])
    return Answer(start["status"], dict(zip(names, values, strict=True)), bytes(content))


def links(page: str, here: str) -> Iterator[str]:
    """Returns the addresses that a page leads to, with their host if they have one."""
    for found in _LINK.findall(page):
        target = urljoin(f"http://{HOST}{here}", unescape(found))
        place = urlsplit(target)
        own = place.netloc == HOST and place.scheme == "http"
        yield f"{place.path}?{place.query}".rstrip("?") if own else target


def crawl(
    client: PageClient, *starts: str, skipped: Callable[[str], bool] = lambda target: False
) -> dict[str, Answer]:
    """Follows every link of every page, and asks for the JSON of each; returns all answers."""
    found: dict[str, Answer] = {}
    waiting = ["/", *starts]
    while waiting:
        target = waiting.pop()
        if target in found or target.startswith("data:") or _DEEP.search(target):
            continue
        if skipped(target):
            continue
        assert target.startswith("/"), f"a link leads away: {target}"
        answer = found[target] = client.get(target)
        if "location" in answer.headers:
            waiting += [answer.headers["location"]]
        elif answer.headers["content-type"].startswith("text/html"):
            path, mark, query = target.partition("?")
            if not path.endswith((".json", "/report/page")):
                waiting.append(f"{path}.json{mark}{query}")
                waiting += links(answer.text, target)
    return found


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
