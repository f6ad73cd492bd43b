"""The version of the keys in a configuration file, so that older files stay good.

A release that gives a key another name or meaning adds a function to `CHANGES`, which brings the
values of a file from the version before to its own. The configuration itself has no version: once
read, it is that of now, and no cache key knows in which version it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError

KEY = "version"

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]

# The first one leads from version 1 to 2. None was needed yet.
CHANGES: tuple[Change, ...] = ()


def newest(changes: Sequence[Change] = CHANGES) -> int:
    """Returns the version that `warmstart init` writes, and the latest that can be read."""
    return len(changes) + 1


def as_of_now(
    values: Mapping[str, Any], file: Path, *, changes: Sequence[Change] = CHANGES
) -> dict[str, Any]:
    """Returns the values of a file under the keys of now.

    Args:
        values: as they stand there; one that names no version is of the newest.
        file: in which they stand.
        changes: from each version to the next.

    Raises:
        ConfigError: if it is of a later version, or of none.
    """
    known = newest(changes)
    found = values.get(KEY, known)
    if type(found) is not int or found < 1:
        raise ConfigError(
            f"{file}: version = {found!r} is none of a configuration; versions are whole numbers "
            f"from 1, and the newest here is {known}."
        )
    if found > known:
        raise ConfigError(
            f"{file} is a configuration of version {found}, and warmstart {version('warmstart')} "
            f"reads up to version {known}; upgrade warmstart, or write the file anew with "
            "`warmstart init DIR`."
        )
    for change in changes[found - 1 :]:
        values = change(values)
    return {key: value for key, value in values.items() if key != KEY}
