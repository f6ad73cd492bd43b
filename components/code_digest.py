"""A digest of the code a component runs, so that TFX's cache notices when it changes.

TFX's cache key holds the *name* of an executor, `run_fn` or `preprocessing_fn`, not its code:
without the digest an upgraded warmstart would reuse what the old code had computed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

_PATTERNS = ("*.py", "*.html")


def code_digest(*folders: str) -> str:
    """Returns the SHA-256 (first 16 hex digits) of the Python files and templates of our folders.

    Args:
        *folders: relative to the project's root, for example `"components/trainer"`.

    Raises:
        FileNotFoundError: if a folder holds no Python file.
    """
    digest = hashlib.sha256()
    for folder in folders:
        files = sorted(file for pattern in _PATTERNS for file in (_ROOT / folder).rglob(pattern))
        if not files:
            raise FileNotFoundError(f"No Python file in {_ROOT / folder}.")
        for file in files:
            digest.update(file.relative_to(_ROOT).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
