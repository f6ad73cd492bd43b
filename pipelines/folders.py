"""Makes the folder where runs put what they make."""

from __future__ import annotations

import os
from pathlib import Path

from schemas.errors import ConfigError, printable
from schemas.output_folders import DEFAULT_OUTPUT, OutputFolders

__all__ = ["DEFAULT_OUTPUT", "OutputFolders", "closed_part", "prepare_output"]


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
    if closed := closed_part(folders):
        raise ConfigError(
            f"--output {root}: cannot write to {printable(closed.name)} in it, which may be "
            "another user's; make it writable, or name another folder."
        )
    return folders


def closed_part(folders: OutputFolders) -> Path | None:
    """Returns the folder, or else a part of it that is there, that cannot be written to, if any."""
    parts = (folders.runs, folders.artifacts, folders.models, folders.metadata)
    there = [folders.root, *(part for part in parts if part.exists())]
    return next((part for part in there if not _may_be_written(part)), None)


def _may_be_written(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
