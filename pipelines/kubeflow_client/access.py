"""How the server of Kubeflow Pipelines is reached, and with which secrets.

A secret comes from a file or from the environment: a command line can be read by every user of the
machine, and stays in the shell's history.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from schemas.errors import ConfigError, printable

TOKEN_VARIABLE = "WARMSTART_KUBEFLOW_TOKEN"  # noqa: S105 (the name of a variable)
COOKIES_VARIABLE = "WARMSTART_KUBEFLOW_COOKIES"

# What is shorter, such as the 1 of a flag among the cookies, is in every text.
_SHORTEST_SECRET = 6

# Where Kubernetes puts a token for Kubeflow Pipelines into a pod that asks for one.
_PROJECTED_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")


@dataclass(frozen=True)
class Access:
    """What a command was told about the server.

    Attributes:
        host: its address; None: the one in the pod's cluster, or through the kubeconfig.
        namespace: of the user, where several share the installation.
        token_file: holds a bearer token, and is read again when a request is made.
        cookies_file: holds what a browser that is logged in sends as Cookie.
        ca_file: certificates that sign the server's.
        context: of the kubeconfig.
    """

    host: str | None = None
    namespace: str | None = None
    token_file: Path | None = None
    cookies_file: Path | None = None
    ca_file: Path | None = None
    context: str | None = None


@dataclass(frozen=True)
class Secrets:
    """What proves who asks; `repr` does not show it.

    Attributes:
        token: a bearer token that does not change.
        token_file: of one that is replaced from time to time.
        cookies: as the header Cookie has them.
    """

    token: str | None = None
    token_file: Path | None = None
    cookies: str | None = None

    def __repr__(self) -> str:
        """Returns the kind of what is there."""
        there = [name for name in ("token", "token_file", "cookies") if getattr(self, name)]
        return f"Secrets({', '.join(there)})"

    def removed_from(self, text: str) -> str:
        """Returns a text without the secrets that a server may have repeated."""
        token = self.token
        if self.token_file:
            try:
                token = self.token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                token = None
        values = [token, *(_values(self.cookies) if self.cookies else ())]
        for value in values:
            if value and len(value) >= _SHORTEST_SECRET:
                text = text.replace(value, "***")
        return text


def checked_host(host: str | None) -> str | None:
    """Returns an address without a slash at its end.

    Raises:
        ConfigError: if it is none of HTTP, or holds a password.
    """
    if not host:
        return None
    address = host.strip().rstrip("/")
    parts = _split(address)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            f"--host {printable(host)}: give an address with http:// or https://, such as "
            "http://localhost:8080."
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"--host: an address with a user or password before {parts.hostname} would be shown in "
            "messages; leave them out, and give --token-file or --cookies-file."
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"--host {printable(host)}: leave out what follows the path, from '?' or '#' on."
        )
    return address


def read_secrets(access: Access, environment: Mapping[str, str] = os.environ) -> Secrets:
    """Reads token and cookies; files come before variables.

    Raises:
        ConfigError: if a file cannot be read, or what is in there is no token and no cookies; or if
            there are no certificates where they should be.
    """
    if access.ca_file and not access.ca_file.is_file():
        raise ConfigError(f"{_named('--ca-file', access.ca_file)}: there is no such file.")
    token_file = access.token_file
    if token_file:
        content = _content("--token-file", token_file)
        _checked(_named("--token-file", token_file), content, blanks=False)
    cookies = environment.get(COOKIES_VARIABLE)
    if access.cookies_file:
        content = _content("--cookies-file", access.cookies_file)
        cookies = _checked(_named("--cookies-file", access.cookies_file), content, blanks=True)
    elif cookies:
        cookies = _checked(COOKIES_VARIABLE, cookies.strip(), blanks=True)
    token = environment.get(TOKEN_VARIABLE)
    if token and not token_file:
        return Secrets(_checked(TOKEN_VARIABLE, token.strip(), blanks=False), cookies=cookies)
    if not token_file and _PROJECTED_TOKEN.is_file():
        token_file = _PROJECTED_TOKEN
    return Secrets(token_file=token_file, cookies=cookies or None)


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _content(option: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{_named(option, file)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{_named(option, file)} is no text file.") from None


def _named(option: str, file: Path) -> str:
    return f"{option} {printable(str(file))}"


def _checked(source: str, value: str, *, blanks: bool) -> str:
    """Checks that a secret fits into a header; it is not shown if it does not."""
    fits = value.isascii() and value.isprintable() and (blanks or " " not in value)
    if not value or not fits:
        kind = "cookies in one line" if blanks else "a token in one line"
        raise ConfigError(f"{source} must hold {kind}, and nothing else.")
    return value


def _values(cookies: str) -> list[str]:
    parts = [part.strip() for part in cookies.split(";")]
    return [cookies, *(part.partition("=")[2] or part for part in parts)]
