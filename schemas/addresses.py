"""Keeps secrets out of what is shown, recorded and sent: those that stand in an address."""

from __future__ import annotations

import re

# What stands before the host of an address: user, password, or a key. Of an address that was taken
# for a path one slash is left.
_BEFORE_HOST = re.compile(r"(:/{1,2})[^/\s@?#'\"]+@")

# The same, whatever it consists of: what is sent elsewhere may rather lack a word too many.
_ANYTHING_BEFORE_HOST = re.compile(r"(:/{1,2})[^/\s@]+@")

# What is asked for at an address, such as a signature.
_QUERY = re.compile(r"(?<=\w)\?[^\s?]*=[^\s?]*")


def holds_password(address: str) -> bool:
    """Tells whether an address has a user or password before its host."""
    return bool(_BEFORE_HOST.search(address))


def without_passwords(text: str) -> str:
    """Returns a text in which the addresses have neither users nor passwords."""
    return _BEFORE_HOST.sub(r"\1***@", text)


def without_secrets(text: str) -> str:
    """Returns a text in which the addresses have no users, passwords or queries."""
    return _QUERY.sub("", _ANYTHING_BEFORE_HOST.sub(r"\1***@", text))
