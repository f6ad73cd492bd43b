"""What the report was made with: versions, machine, and the state of the code."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tensorflow as tf

_PACKAGES = (
    *("warmstart", "tensorflow", "keras", "tfx", "tensorflow-transform"),
    *("tensorflow-model-analysis", "apache-beam", "ml-metadata", "numpy", "pillow"),
)

_ROOT = Path(__file__).resolve().parents[2]

# Seconds; a folder on a slow network is no reason to wait.
_TIMEOUT = 10


def environment() -> dict[str, str]:
    """Returns what decides how a run comes out, apart from photos and configuration."""
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    found = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processors": str(os.cpu_count()),
        "gpus": ", ".join(gpus) or "none",
        **{name: found for name in _PACKAGES if (found := _version(name))},
    }
    commit = git_commit()
    return found | ({"git commit": commit} if commit else {})


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


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
