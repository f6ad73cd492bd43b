"""More than a hundred requests that no browser sends, to the real server, as bytes on the wire.

It stays up, answers with an error or hangs up, and shows nothing of the machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from made_store import MadeStore
from page_process import serving
from waiting import wait_until

SECONDS_TO_ASK = 2.0

# More than a browser's first read of the page costs.
MOST_GROWTH_KB = 60_000

HEAD = b"GET /runs HTTP/1.1\r\nHost: HOST\r\n"
END = b"\r\n\r\n"


@dataclass(frozen=True)
class Served:
    """A running server: its port, process, what it said on stderr, and its folder."""

    port: int
    process: int
    stderr: Path
    root: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("hostile")
    root = folder / "a-secret-place"
    root.mkdir()
    made = MadeStore(root)
    made.execution("one", "Trainer")
    stderr = folder / "stderr"
    with (
        stderr.open("wb") as stream,
        serving(made.root, seconds_to_ask=SECONDS_TO_ASK, stderr=stream) as (port, process),
    ):
        yield Served(port, process, stderr, made.root)


def get(path: str, *headers: str, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    lines = [f"{method} {path} {version}", "Host: HOST", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + END


PLACES = [
    "etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "..\\..\\etc\\passwd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "%uff0e%uff0e/etc/passwd",
    "..%00/etc/passwd",
    "page.css%00.png",
    "./../../metadata.sqlite",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "file:///etc/passwd",
    "~root/.ssh/id_rsa",
    "..%0d%0aSet-Cookie:%20a=b",
    "%",
    "%zz",
    "%ff%fe",
    "a" * 8000,
]

PREFIXES = ["/", "/static/", "/runs/", "/artifacts/1/"]

REQUESTS: dict[str, bytes] = {
    **{f"{prefix} {place[:40]}": get(prefix + place) for prefix in PREFIXES for place in PLACES},
    # The line of the request.
    "nothing but ends": b"\r\n\r\n\r\n\r\n",
    "noise": bytes(range(256)) * 8,
    "zeros": bytes(5000),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SMTP": b"EHLO evil.example\r\n\r\n",
    "Redis": b"*1\r\n$8\r\nFLUSHALL\r\n\r\n",
    "HTTP/0.9": b"GET /runs\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /runs \r\nHost: HOST\r\n\r\n",
    "text as version": get("/runs", version="HTTP/one"),
    "blanks": b"GET  /runs  HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "line ends alone": b"GET /runs HTTP/1.1\nHost: evil.example\nConnection: close\n\n",
    "returns alone": b"GET /runs HTTP/1.1\rHost: HOST\r\r",
    "NUL in the path": b"GET /ru\0ns HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "bytes in the query": b"GET /runs?\xff=\xfe HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "path of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "star": get("*", method="OPTIONS"),
    "absolute": get("http://evil.example/runs", "Host: evil.example"),
    "file": get("file:///etc/passwd"),
    "proxy": get("evil.example:443", method="CONNECT"),
    # Methods.
    **{
        method: get("/runs", method=method)
        for method in (
            *("POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "TRACK", "DEBUG"),
            *("PROPFIND", "MKCOL", "LOCK", "PURGE", "get", "A" * 5000),
        )
    },
    # Hosts and origins.
    "no host": b"GET /runs HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": get("/runs", "Host: evil.example"),
    "empty host": b"GET /runs HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
    "host with a user": b"GET /runs HTTP/1.1\r\nHost: HOST@evil.example\r\n\r\n",
    "host with a path": b"GET /runs HTTP/1.1\r\nHost: HOST/x\r\nConnection: close\r\n\r\n",
    "host in hex": b"GET /runs HTTP/1.1\r\nHost: 0x7f000001\r\nConnection: close\r\n\r\n",
    "null origin": get("/runs", "Origin: null"),
    "another origin": get("/runs", "Origin: http://evil.example"),
    "another site": get("/runs", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"),
    # Headers.
    "header of 1 MB": HEAD + b"X: " + b"a" * 1_000_000 + END,
    "100,000 headers": HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(100_000)) + b"\r\n",
    "header without a name": HEAD + b": x" + END,
    "header without a colon": HEAD + b"nonsense" + END,
    "blank before the colon": HEAD + b"Connection : close" + END,
    "folded header": HEAD + b"X: a\r\n b\r\nHost: evil.example" + END,
    "NUL in a header": HEAD + b"X: a\0b" + END,
    "return in a header": HEAD + b"X: a\rY: b" + END,
    # Bodies, and where they end.
    "both lengths": HEAD
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked"
    + END
    + b"0\r\n\r\nGET /static/x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "two lengths": HEAD
    + b"Content-Length: 0\r\nContent-Length: 44"
    + END
    + b"GET / HTTP/1.1\r\n\r\n",
    "length below zero": HEAD + b"Content-Length: -1" + END,
    "length in hex": HEAD + b"Content-Length: 0x10" + END,
    "length with a plus": HEAD + b"Content-Length: +3" + END + b"abc",
    "length without end": HEAD + b"Content-Length: " + b"9" * 400 + END,
    "encoding unknown": HEAD + b"Transfer-Encoding: xchunked" + END,
    "encoding twice": HEAD + b"Transfer-Encoding: chunked, identity" + END + b"0\r\n\r\n",
    "post of a chunk without end": b"POST /runs HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    "post of 99 GB": b"POST /runs HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n"
    b"Content-Length: 99999999999\r\n\r\nx",
    "post from nowhere": get("/labels", "Content-Length: 0", method="POST"),
    # What is not there.
    "upgrade": get(
        "/runs/1/events",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ),
    "numbers": get("/runs/99999999999999999999999999"),
    "below zero": get("/artifacts/-1"),
    "not a number": get("/artifacts/nan"),
    "script": get("/<script>alert(1)</script>"),
    "SQL": get("/artifacts/1;drop%20table"),
    "template": get("/runs/{{7*7}}"),
    "Arabic digits": get("/artifacts/%D9%A1"),
}

# Odd, but what they ask for can be read.
HARMLESS: dict[str, bytes] = {
    "HTTP/9.9": get("/runs", version="HTTP/9.9"),
    "range": get("/runs", "Range: bytes=0-"),
    "ranges": get("/static/page.css", "Range: bytes=" + ",".join(["0-1"] * 500)),
    "range backwards": get("/static/page.css", "Range: bytes=9-1"),
    "range without end": get("/static/page.css", f"Range: bytes=-{'9' * 300}"),
    "cookies": get("/runs", "Cookie: " + "; ".join(f"a{n}=b" for n in range(300))),
    "broken cookie": get("/runs", 'Cookie: =;;"\\; warmstart'),
    "token": get("/runs?token=" + "a" * 3000),
    "bearer": get("/runs", "Authorization: Bearer \xff\xfe"),
    "languages": get("/runs", "Accept-Language: " + ",".join(["x"] * 900)),
    "a thousand parameters": get("/runs?" + "&".join(f"a{n}=1" for n in range(1000))),
    "HTTP/2 on request": get("/runs", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    "length of nothing": get("/runs", "Content-Length: 0"),
    "date that is none": get("/static/page.css", "If-Modified-Since: yesterday"),
}


def sent(server: Served, request: bytes) -> bytes:
    """Sends bytes as they are; returns all that comes back until the server hangs up."""
    request = request.replace(b"HOST", f"127.0.0.1:{server.port}".encode())
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        # It may hang up, and refuse the rest, in the middle.
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                answer += part
    return answer


def descriptors(server: Served) -> int:
    return len(os.listdir(f"/proc/{server.process}/fd"))


def kilobytes(server: Served) -> int:
    (found,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process}/status").read_text())
    return int(found)


def check_tells_nothing(server: Served, answer: bytes) -> None:
    for told in (str(server.root), "a-secret-place", "Traceback", "site-packages", "root:x:"):
        assert told.encode() not in answer.partition(END)[2]
    assert b"evil.example" not in answer.partition(END)[0]


def test_there_are_more_than_a_hundred() -> None:
    assert len(REQUESTS) + len(HARMLESS) > 100


def test_none_is_answered_with_more_than_an_error_and_nothing_is_left_behind(
    server: Served,
) -> None:
    sent(server, get("/runs"))
    open_before, memory_before = descriptors(server), kilobytes(server)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda request: sent(server, request), REQUESTS.values()))

    wrong: list[tuple[str, list[int]]] = []
    for name, answer in zip(REQUESTS, answers, strict=True):
        check_tells_nothing(server, answer)
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]
        # The preface of HTTP/2 is two requests, for who knows nothing of it; a second answer to any
        # other would be to a request that was smuggled.
        one = len(statuses) <= 1 + (name == "HTTP/2")
        if not one or any(not 400 <= status < 500 for status in statuses):
            wrong.append((name, statuses))
    assert wrong == []

    wait_until(lambda: descriptors(server) <= open_before, seconds=10)
    assert kilobytes(server) - memory_before < MOST_GROWTH_KB
    assert sent(server, get("/runs")).startswith(b"HTTP/1.1 200")
    assert "Traceback" not in server.stderr.read_text()


@pytest.mark.parametrize("name", HARMLESS)
def test_odd_request_for_what_may_be_read_fails_nowhere(server: Served, name: str) -> None:
    answer = sent(server, HARMLESS[name])

    status = int(answer.split(b" ", 2)[1])
    assert status < 500
    check_tells_nothing(server, answer)
    assert "Traceback" not in server.stderr.read_text()


def test_who_does_not_come_to_an_end_is_hung_up_on(server: Served) -> None:
    before = descriptors(server)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            for _ in range(50)
        ]
        for number, connection in enumerate(slow):
            connection.sendall(HEAD[: number % len(HEAD)])
        assert sent(server, get("/runs")).startswith(b"HTTP/1.1 200")
        for connection in slow:
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b""
    assert SECONDS_TO_ASK - 0.5 <= time.monotonic() - began < 25
    wait_until(lambda: descriptors(server) <= before, seconds=10)
