"""Serves the page to the browser of whoever started it."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import cast
from urllib.parse import quote

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from review.page.app import WRITING, make_app
from review.page.guard import TOKEN, Access, is_everywhere, is_local
from review.store import Output
from schemas.errors import ConfigError
from schemas.tokens import check_token, new_token

# Seconds that open connections, such as those that follow a run, have after Ctrl-C.
_GRACE = 1

# Seconds that a request may take to arrive: who sends a letter a minute would keep a descriptor.
_SECONDS_TO_ASK = 20.0


@dataclass(frozen=True)
class Place:
    """Where the page is served.

    Attributes:
        address: that is listened to.
        port: the same.
        token: that every request needs, or empty.
    """

    address: str
    port: int
    token: str

    @property
    def url(self) -> str:
        """What a browser opens."""
        host = socket.gethostname() if is_everywhere(self.address) else self.address
        written = f"[{host}]" if ":" in host else host
        return f"http://{written}:{self.port}/runs" + (
            f"?{TOKEN}={quote(self.token, safe='')}" if self.token else ""
        )


def place_for(address: str, port: int, token: str | None) -> Place:
    """Returns where the page is to be served.

    Args:
        address: to listen to.
        port: the same.
        token: that requests need; without, one is made where others than this machine can connect.

    Raises:
        ConfigError: if the address is empty, or the token holds what an address cannot.
    """
    if not address:
        raise ConfigError("--host is empty; name an address, such as 127.0.0.1.")
    check_token(token)
    needed = "" if is_local(address) else new_token()
    return Place(address, port, token or needed)


def serve(
    output: Output,
    place: Place,
    *,
    ready: Callable[[], None] = lambda: None,
    open_browser: bool = False,
) -> None:
    """Serves the page until Ctrl-C.

    Args:
        output: the folder that a pipeline writes to.
        place: where.
        ready: called once it listens.
        open_browser: once the server listens.

    Raises:
        ConfigError: if the address or port cannot be listened to.
    """
    listening = _listening(place)
    ready()
    access = Access(place.address, place.port, place.token, WRITING)
    stopped = threading.Event()
    app = make_app(output, access, stopped=stopped.is_set)
    config = uvicorn.Config(
        app,
        http=_Impatient,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE,
    )
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(place.url,), daemon=True).start()
    try:
        _Server(config, stopped).run(sockets=[listening])
    except KeyboardInterrupt:
        sys.stderr.write("\n")
    finally:
        listening.close()


class _Impatient(H11Protocol):
    """Hangs up on who does not come to the end of a request."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()

    def _wait(self) -> None:
        if not self._is_waiting():
            self._stop_waiting()
        elif self._timer is None:
            self._timer = self.loop.call_later(_SECONDS_TO_ASK, self._hang_up)

    def _is_waiting(self) -> bool:
        # There is none before the first request; uvicorn's annotation does not say so.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self) -> None:
        self._timer = None
        if self._is_waiting() and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Tells what follows a run that Ctrl-C was pressed."""

    def __init__(self, config: uvicorn.Config, stopped: threading.Event) -> None:
        super().__init__(config)
        self._stopped = stopped

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopped.set()
        super().handle_exit(sig, frame)


def _listening(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    server = socket.socket(family)
    # Connections of a server that just ended do not count.
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((place.address, place.port))
        server.listen()
    except OSError as error:
        server.close()
        raise ConfigError(
            f"--host {place.address} --port {place.port}: cannot listen there "
            f"({error.strerror or error}); name another, such as --port {place.port % 65535 + 1}."
        ) from error
    return server
