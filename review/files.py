"""What artifacts hold on this machine, read without TensorFlow."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from review.records import Artifact


def local_folder(artifact: Artifact) -> Path | None:
    """Returns where an artifact lies on this machine; None for one that lies elsewhere."""
    place = artifact.uri.removeprefix("file://")
    return None if not place or "://" in place else Path(place)


def is_missing(artifact: Artifact) -> bool:
    """Tells whether an artifact of this machine has no files any more."""
    folder = local_folder(artifact)
    return folder is not None and not folder.exists()


def size_of(folder: Path) -> int:
    """Returns the bytes of all files below a folder; links are not followed."""
    if not folder.is_dir() or folder.is_symlink():
        return folder.lstat().st_size if folder.exists() else 0
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def read_object(artifact: Artifact, name: str) -> dict[str, Any] | None:
    """Reads a JSON object from an artifact; None if it is not there, or none."""
    folder = local_folder(artifact)
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8")) if folder else None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def read_text(artifact: Artifact, name: str) -> str | None:
    """Reads a text file from an artifact; None if it is not there."""
    folder = local_folder(artifact)
    try:
        return (folder / name).read_text(encoding="utf-8") if folder else None
    except (OSError, ValueError):
        return None


def read_table(artifact: Artifact, name: str) -> list[dict[str, str]] | None:
    """Reads a CSV file with a heading from an artifact; None if it is not there."""
    folder = local_folder(artifact)
    if not folder:
        return None
    try:
        # A name may hold line ends, which only the reader of CSV tells from those of rows.
        with (folder / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except (OSError, ValueError, csv.Error):
        return None
