"""What the report was made with: versions, machine, and the state of the code."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import tensorflow as tf

from components.report_gen.git_commit import git_commit

_PACKAGES = (
    *("warmstart", "tensorflow", "keras", "tfx", "tensorflow-transform"),
    *("tensorflow-model-analysis", "apache-beam", "ml-metadata", "numpy", "pillow"),
)


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


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
