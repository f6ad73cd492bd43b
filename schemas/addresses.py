"""Keeps passwords out of what is shown and recorded: those that stand in an address."""

from __future__ import annotations

import re

# What stands before the host of an address: user, password, or a key. Of an address that was taken
# for a path one slash is left.
_BEFORE_HOST = re.compile(r"(:/{1,2})[^/\s@?#'\"]+@")


def holds_password(address: str) -> bool:
    """Tells whether an address has a user or password before its host."""
    return bool(_BEFORE_HOST.search(address))


def without_passwords(text: str) -> str:
    """Returns a text in which the addresses have neither users nor passwords."""
    return _BEFORE_HOST.sub(r"\1***@", text)
