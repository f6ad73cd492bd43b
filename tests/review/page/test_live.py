"""Tests of telling a browser that a run went on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from made_store import RUNNING, MadeStore
from page_client import HOST, PORT, PageClient

from review.page import live
from review.page.app import make_app
from review.page.guard import Access
from review.page.live import changes

RETRY, CHANGED, STILL = "retry: 2000\n\n", "event: changed\ndata:\n\n", ": still here\n\n"


def first(stream: AsyncIterator[str], many: int) -> list[str]:
    async def take() -> list[str]:
        return [await anext(stream) for _ in range(many)]

    return asyncio.run(take())


def test_every_change_is_an_event() -> None:
    signs = count()

    assert first(changes(lambda: next(signs), pause=0.001), 4) == [RETRY, CHANGED, CHANGED, CHANGED]


def test_what_stays_the_same_is_none() -> None:
    signs = iter([1, 1, 1, 2, 2, 3] + [3] * 10_000)

    assert first(changes(lambda: next(signs), pause=0.001), 3) == [RETRY, CHANGED, CHANGED]


def test_silence_is_broken_so_that_a_browser_that_left_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "_SILENCE", 0.01)

    assert first(changes(lambda: 1, pause=0.005), 3) == [RETRY, STILL, STILL]


def test_connection_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LONGEST", 0.05)

    async def everything() -> list[str]:
        return [text async for text in changes(lambda: 1, pause=0.01)]

    assert asyncio.run(everything()) == [RETRY]


def test_connection_ends_at_once_when_the_server_does() -> None:
    looks = count()

    async def everything() -> list[str]:
        return [text async for text in changes(lambda: 1, lambda: next(looks) > 2, pause=3600)]

    assert asyncio.run(asyncio.wait_for(everything(), 10)) == [RETRY]


def test_store_that_changes_and_a_log_that_grows_are_events(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.execution("one", "Trainer", state=RUNNING)
    run = made.store.get_context_by_type_and_name("pipeline_run", "one").id
    log = made.output.runs / "one" / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("first\n")
    app = make_app(made.output, Access("127.0.0.1", PORT))
    received: list[bytes] = []

    class LeftError(Exception):
        """The browser left."""

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        received.append(message.get("body", b""))
        changed = received.count(CHANGED.encode())
        if message["type"] == "http.response.start":
            assert (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
            assert (b"cache-control", b"no-store") in message["headers"]
        elif changed == 0:
            log.write_text("first\nsecond\n")
        elif changed == 1:
            made.execution("one", "Pusher")
        else:
            raise LeftError

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/runs/{run}/events",
        "raw_path": b"",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", HOST.encode())],
        "client": None,
        "server": None,
    }
    with pytest.raises(LeftError):
        asyncio.run(asyncio.wait_for(app(scope, receive, send), 30))
    assert received[1:] == [RETRY.encode(), CHANGED.encode(), CHANGED.encode()]


def test_events_of_no_run_are_not_found(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.execution("one", "Trainer")

    assert PageClient(made.output).get("/runs/999/events").status == 404
