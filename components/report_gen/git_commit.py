"""The state of the code, where it is a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

# Seconds; a folder on a slow network is no reason to wait.
_TIMEOUT = 10


def git_commit(folder: Path = _ROOT) -> str | None:
    """Returns the commit that a folder is at, and whether files were changed since.

    Args:
        folder: the root of a checkout, by default ours; anything else has no commit.
    """
    if not (folder / ".git").exists():
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if commit and changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 (no argument comes from a user)
            ["git", "-C", str(folder), *arguments],  # noqa: S607 (whichever git there is)
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
