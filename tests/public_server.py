"""A small public data set, and a server on this machine that serves it well or badly."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from components.public_data.registry import PublicDataset

# A port that nothing listens on.
CLOSED = "http://127.0.0.1:9"
LICENCE = "For tests only."


def archive_content(kind: str = "tgz", photos: int = 3, seed: int = 1) -> bytes:
    """Returns an archive of two classes, a licence and something that no class has."""
    draw = random.Random(seed)
    members = {"shapes/LICENSE.txt": b"Do what you like.", "shapes/notes/readme": b"Not a class."}
    for label in ("round", "square"):
        members |= {f"shapes/{label}/{i}.jpg": draw.randbytes(60_000) for i in range(photos)}
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as file:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def dataset_of(content: bytes, url: str, kind: str = "tgz") -> PublicDataset:
    """Describes an archive that `archive_content` made."""
    return PublicDataset(
        name="shapes",
        url=f"{url}/shapes.{kind}",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence=LICENCE,
        folder="shapes",
        classes=("round", "square"),
        licence_file="shapes/LICENSE.txt",
    )


@dataclass
class Served:
    """What a server serves, and how; what it was asked for.

    Attributes:
        content: of the archive.
        ranges: it honours Range.
        headers: it sends these too, such as an ETag.
        break_after: it breaks off after so many bytes, the first `breaks` times.
        breaks: how many of its answers break off.
        pause_after: it waits after so many bytes until `paused` is set.
        statuses: it answers with these first.
        says_length: it sends Content-Length.
        asked: Range and If-Range of each request.
    """

    content: bytes
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    break_after: int = 0
    breaks: int = 0
    statuses: list[int] = field(default_factory=list)
    says_length: bool = True
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    url: str = ""
    pause_after: int = 0
    paused: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingHTTPServer):
    def __init__(self, served: Served) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = served
        served.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        served = self.server.served
        wanted, version = self.headers["Range"], self.headers["If-Range"]
        served.asked.append((wanted, version))
        begin = self._begin(wanted, version)
        if served.statuses:
            self._begin_answer(served.statuses.pop(0), {"Content-Length": "0"})
        elif begin and begin >= len(served.content):
            self._begin_answer(416, {"Content-Length": "0"})
        else:
            self._send(begin)

    def _begin(self, wanted: str | None, version: str | None) -> int:
        served = self.server.served
        if not (wanted and served.ranges):
            return 0
        if version and version not in served.headers.values():
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def _send(self, begin: int) -> None:
        served = self.server.served
        total = len(served.content)
        headers = dict(served.headers)
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{total - 1}/{total}"
        if served.says_length:
            headers["Content-Length"] = str(total - begin)
        self._begin_answer(206 if begin else 200, headers)
        part = served.content[begin:]
        if served.breaks:
            served.breaks -= 1
            part = part[: served.break_after]
        with suppress(ConnectionError):  # Of a client that has heard enough.
            if served.pause_after:
                self.wfile.write(part[: served.pause_after])
                served.paused.wait(60)
                part = part[served.pause_after :]
            self.wfile.write(part)

    def _begin_answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(content: bytes) -> Iterator[Served]:
    """Serves some bytes under any path."""
    served = Served(content)
    with _Server(served) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
