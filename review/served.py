"""The pushed versions of a model, as their folder says, and which one is served."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from review.files import opened_below
from review.store import Output

# In each version, as Pusher and `warmstart models` write it.
_RECORD = ("assets.extra", "warmstart.json")

# By which TensorFlow Serving knows a model.
_GRAPH_FILE = "saved_model.pb"


@dataclass(frozen=True)
class ServedVersion:
    """A version in service.

    Attributes:
        number: its name.
        run: name of the run that trained it, or None if it is not recorded.
        pushed_at: when it came here, as ISO 8601 text, or None.
        copy_of: the number it was first pushed under, or None.
        is_served: whether it is the one that TensorFlow Serving takes: the highest number.
    """

    number: int
    run: str | None
    pushed_at: str | None
    copy_of: int | None
    is_served: bool


def versions_in_service(output: Output) -> list[ServedVersion]:
    """Returns the versions in the folder of models, the one that is served first."""
    numbers = _numbers(output)
    return [_version(output, number, is_served=number == numbers[0]) for number in numbers]


def served_version(output: Output) -> ServedVersion | None:
    """Returns the version that is served, or None."""
    return next((_version(output, number, is_served=True) for number in _numbers(output)), None)


def _numbers(output: Output) -> list[int]:
    try:
        # A link may lead anywhere, and a folder that someone sent may hold some.
        found = [] if output.models.is_symlink() else list(output.models.iterdir())
        names = [folder.name for folder in found if _is_version(folder)]
    except OSError:
        return []
    return sorted(map(int, names), reverse=True)


def _is_version(folder: Path) -> bool:
    is_model = not folder.is_symlink() and (folder / _GRAPH_FILE).is_file()
    return is_model and folder.name.isdecimal()


def _version(output: Output, number: int, *, is_served: bool) -> ServedVersion:
    record = _record(output, number)
    run, pushed_at, copy_of = (record.get(key) for key in ("run_id", "pushed_at", "copy_of"))
    return ServedVersion(
        number=number,
        run=run if isinstance(run, str) else None,
        pushed_at=pushed_at if isinstance(pushed_at, str) else None,
        copy_of=copy_of if isinstance(copy_of, int) else None,
        is_served=is_served,
    )


def _record(output: Output, number: int) -> dict[str, Any]:
    try:
        with opened_below(output.models, str(number), *_RECORD) as stream:
            found = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
