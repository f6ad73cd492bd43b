"""The small files beside a backup, each written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(file: Path, values: Any) -> None:
    """Writes what JSON can hold."""
    partial = file.with_name(f"partial-{file.name}")
    partial.write_text(json.dumps(values))
    os.replace(partial, file)


def read_json(file: Path) -> Any:
    """Returns what a file holds, or None if there is none."""
    return json.loads(file.read_text()) if file.exists() else None
