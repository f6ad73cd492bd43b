"""Serves the page to the browser of whoever started it."""

from __future__ import annotations

import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from urllib.parse import quote

import uvicorn

from review.page.app import WRITING, make_app
from review.page.guard import TOKEN, Access, is_everywhere, is_local
from review.store import Output
from schemas.errors import ConfigError
from schemas.tokens import check_token, new_token

# Seconds that open connections, such as those that follow a run, have after Ctrl-C.
_GRACE = 1


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
