"""Lets only the user's own browser in, and tells it to run and load nothing but the page's own.

A server on 127.0.0.1 is within reach of every page that the browser shows. So each request is
checked before anything is looked up: which host it believes to talk to (DNS rebinding), which page
sent it, and, where others than this machine can connect, whether it has the token.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"  # noqa: S105 (the name of a parameter)

_READING = ("GET", "HEAD")

# Of what is shown, beside the reports of runs.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

# For HTML that a run wrote: it is shown in a frame, runs no script and loads nothing.
SANDBOXED = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        address: that the server listens to.
        port: the same.
        token: that a request must have, or empty where only this machine can connect.
        writing: ends of the paths that may be written to, only by a page of this server.
    """

    address: str
    port: int
    token: str = ""
    writing: Collection[str] = ()

    @property
    def hosts(self) -> frozenset[str] | None:
        """What a browser may call this server, or None if any name is right."""
        if is_everywhere(self.address):
            return None
        names = {self.address}
        if is_local(self.address):
            names |= {"127.0.0.1", "localhost", "::1"}
        written = {f"[{name}]" if ":" in name else name for name in names}
        without_port = written if self.port == 80 else set()
        return frozenset({f"{name}:{self.port}" for name in written} | without_port)


def is_local(address: str) -> bool:
    """Tells whether only this machine can connect to an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def is_everywhere(address: str) -> bool:
    """Tells whether an address stands for all of this machine's."""
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False


class Guard:
    """ASGI middleware around the whole page."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Takes what is guarded.

        Args:
            app: the page.
            access: who may ask.
        """
        self._app = app
        self._access = access
        # Browsers send a cookie to every port of a host.
        self._cookie = f"warmstart-{access.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # The page has no other way in; a server answers this with 403.
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._unknown(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Returns the answer to a request that is no one's of this page."""
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy may see the end of such a request elsewhere, and another one behind it.
            close = {"Connection": "close"}
            return _no(400, "A request has one length: leave out Content-Length.", close)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        allowed = self._access.hosts
        if len(hosts) != 1 or (allowed is not None and hosts[0].lower() not in allowed):
            names = ", ".join(sorted(allowed or ()))
            return _no(421, f"This server answers to {names or 'one host'} only.")
        own = f"http://{hosts[0].lower()}"
        if any(origin.lower() != own for origin in origins):
            return _no(403, "This request comes from another page, and is not answered.")
        if not _is_of_this_page(headers):
            return _no(403, "This request comes from another page, and is not answered.")
        return self._misuse(scope, is_told_from=bool(origins))

    def _misuse(self, scope: Scope, *, is_told_from: bool) -> Response | None:
        """Returns the answer to a request of this page for what cannot be asked."""
        if not scope["query_string"].isascii():
            return _no(400, "In an address other characters than ASCII's are written as %XX.")
        if scope["method"] in _READING:
            return None
        if scope["method"] != "POST" or not _is_one_of(scope["path"], self._access.writing):
            return _no(405, "This address can only be read.", {"Allow": "GET, HEAD"})
        # Every browser says where a form was sent from.
        return None if is_told_from else _no(403, "Only a page of this server may write here.")

    def _unknown(self, scope: Scope) -> Response | None:
        """Returns the answer to a request without the token."""
        if not self._access.token:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(TOKEN)
        if given is not None and scope["method"] in _READING and self._is_token(given):
            rest = urlencode([(name, value) for name, value in query if name != TOKEN])
            # Without a host: it leads nowhere else, whatever the path begins with.
            place = "/" + scope["path"].lstrip("/\\")
            answer = RedirectResponse(f"{place}?{rest}" if rest else place, 303)
            answer.set_cookie(self._cookie, given, httponly=True, samesite="lax", path="/")
            return answer
        headers = Headers(scope=scope)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(bearer):
            return None
        if self._is_token(_cookie(headers, self._cookie)):
            return None
        return _no(401, "Open the address that `warmstart review` printed: it holds the token.")

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._access.token.encode())


def _is_of_this_page(headers: Headers) -> bool:
    """Tells whether a browser sent a request for this page or for a link that was followed.

    As the resource isolation policy of https://web.dev/articles/fetch-metadata; what says nothing
    about itself is no browser of today.
    """
    site = headers.get("sec-fetch-site", "none")
    if site in {"same-origin", "none"}:
        return True
    navigates = headers.get("sec-fetch-mode") == "navigate"
    return navigates and headers.get("sec-fetch-dest") == "document"


def _is_one_of(path: str, ends: Collection[str]) -> bool:
    return any(path.endswith(end) for end in ends)


def _cookie(headers: Headers, name: str) -> str:
    """Returns a cookie, whatever others the servers on this host's other ports set."""
    return cookie_parser(headers.get("cookie", "")).get(name, "")


def _no(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{sentence}\n", status, dict(headers or {}))
