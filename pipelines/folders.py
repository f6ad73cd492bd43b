"""Makes the folder where runs put what they make."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import ConfigError
from schemas.output_folders import DEFAULT_OUTPUT, OutputFolders

__all__ = ["DEFAULT_OUTPUT", "OutputFolders", "prepare_output"]


def prepare_output(root: Path) -> OutputFolders:
    """Makes the output folder.

    Raises:
        ConfigError: if it cannot be made or written to.
    """
    folders = OutputFolders(root.resolve())
    probe = folders.root / ".writable"
    try:
        folders.runs.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"--output {root}: cannot write there ({error.strerror}); "
            "name a folder, or one that can be made."
        ) from error
    return folders
