"""Tells which code a component ran."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# In a property, wherever it is nested.
_CODE_DIGEST = re.compile(r'"code_digest": "([0-9a-f]+)"')


def code_that_ran(properties: Mapping[str, Any], class_path: str) -> str | None:
    """Returns the digest among a component's properties, or else that of its executor's file."""
    for name, value in sorted(properties.items()):
        if name == "code_digest":
            return str(value)
        if found := _CODE_DIGEST.search(str(value)):
            return found.group(1)
    module = class_path.rpartition(".")[0]
    spec = importlib.util.find_spec(module) if module else None
    if not spec or not spec.origin:
        return None
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:16]
