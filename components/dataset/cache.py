"""Where this machine keeps what it knows about data folders, for all runs."""

from __future__ import annotations

import os
from pathlib import Path


def dataset_cache() -> Path:
    """Returns the folder: `warmstart` in XDG_CACHE_HOME, or in `~/.cache`.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if os.path.isabs(configured) else Path.home() / ".cache"
    return base / "warmstart"
