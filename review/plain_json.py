"""Writes records as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any


def as_json(found: Any) -> str:
    """Returns records, or lists of them, as JSON; what is no finite number becomes null."""
    try:
        return _written(found)
    except ValueError:
        return _written(json.loads(json.dumps(found, default=_plain), parse_constant=_nothing))


def _written(found: Any) -> str:
    return json.dumps(found, default=_plain, ensure_ascii=False, allow_nan=False, indent=2)


def _nothing(_: str) -> None:
    """Stands for NaN and Infinity, which JSON does not have."""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Path):
        return str(value)
    return asdict(value)
