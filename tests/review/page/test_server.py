"""Tests of the server itself: what goes over the wire, and how it ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_store import MadeStore
from page_process import served

from pipelines.folders import OutputFolders
from review.page.server import Place, serve
from schemas.errors import ConfigError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A running server, in a process of its own as Ctrl-C ends it."""
    made = MadeStore(tmp_path_factory.mktemp("output"))
    made.execution("one", "Trainer")
    with served(made.root) as port:
        yield Place("127.0.0.1", port, "")


def ask(place: Place, request: str) -> str:
    """Sends bytes as they are, and returns what comes back."""
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode("latin-1"))
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode("latin-1")


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


def test_page_is_served_without_the_name_of_the_server(place: Place) -> None:
    answer = ask(place, f"GET /runs HTTP/1.1\nHost: 127.0.0.1:{place.port}\nConnection: close\n\n")

    head, _, body = answer.partition("\r\n\r\n")
    assert status(answer) == 200
    assert "uvicorn" not in head.lower()
    assert "<title>Runs" in body


@pytest.mark.parametrize(
    "head",
    [
        "GET /runs HTTP/1.1\nHost: evil.example",
        "GET /runs HTTP/1.1\nHost: 127.0.0.1:{port}\nHost: evil.example",
        "GET http://127.0.0.1:{port}/runs HTTP/1.1\nHost: evil.example",
        "GET /runs HTTP/1.0",
        "GET /runs HTTP/1.1\nHost: 127.0.0.1:{port}\nX-Forwarded-Host: x\nHost: 127.0.0.1:{port}",
    ],
)
def test_cve_2025_14279_wrong_host_is_refused_on_the_wire(place: Place, head: str) -> None:
    answer = ask(place, head.format(port=place.port) + "\nConnection: close\n\n")

    assert status(answer) in {400, 421}
    assert "<title>" not in answer


def test_websocket_is_no_way_in(place: Place) -> None:
    upgrade = (
        f"GET /runs/1/events HTTP/1.1\nHost: 127.0.0.1:{place.port}\nUpgrade: websocket\n"
        "Connection: Upgrade\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
        "Sec-WebSocket-Version: 13\nOrigin: http://evil.example\n\n"
    )
    answer = ask(place, upgrade.replace("Connection: Upgrade", "Connection: Upgrade, close"))

    assert status(answer) == 403


def test_path_is_decoded_once_on_the_wire(place: Place) -> None:
    for path in ("/static/%252e%252e/app.py", "/static/../app.py", "/static/..%2fapp.py"):
        request = f"GET {path} HTTP/1.1\nHost: 127.0.0.1:{place.port}\nConnection: close\n\n"
        assert status(ask(place, request)) == 404


def test_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            serve(OutputFolders(tmp_path), Place("127.0.0.1", port, ""))

    assert str(refused.value) == (
        f"--host 127.0.0.1 --port {port}: cannot listen there (Address already in use); name "
        f"another, such as --port {port % 65535 + 1}."
    )


def test_address_of_another_machine_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        serve(OutputFolders(tmp_path), Place("192.0.2.1", 8765, "x"))

    assert str(refused.value) == (
        "--host 192.0.2.1 --port 8765: cannot listen there (Cannot assign requested address); "
        "name another, such as --port 8766."
    )


@pytest.mark.parametrize(
    ("place", "url"),
    [
        (Place("127.0.0.1", 8765, ""), "http://127.0.0.1:8765/runs"),
        (Place("::1", 80, ""), "http://[::1]:80/runs"),
        (Place("192.0.2.1", 1, "a-b"), "http://192.0.2.1:1/runs?token=a-b"),
        (Place("0.0.0.0", 1, "t"), f"http://{socket.gethostname()}:1/runs?token=t"),
    ],
)
def test_address_to_open_is_written_for_a_browser(place: Place, url: str) -> None:
    assert place.url == url
