"""The tokens that a browser has to know, of our page as of Jupyter."""

from __future__ import annotations

import re
import secrets

from schemas.errors import ConfigError

# What stands for itself in an address, a cookie, a header and a shell.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")

_BYTES = 24


def new_token() -> str:
    """Makes a token up."""
    return secrets.token_urlsafe(_BYTES)


def check_token(text: str | None) -> None:
    """Checks `--token`, where it is given.

    Raises:
        ConfigError: if it holds what an address or a shell would read otherwise.
    """
    if text and not _PLAIN.fullmatch(text):
        raise ConfigError(
            "--token may only hold letters from A to Z in both cases, digits, and . _ ~ -; leave "
            "it out and one is made."
        )
