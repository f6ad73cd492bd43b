"""Unpacks an archive of photos."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a .zip, .tar or .tar.gz file into a folder that does not exist yet."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as members:
            members.extractall(folder)  # noqa: S202 (zipfile leaves out `..` and links)
    else:
        with tarfile.open(archive) as members:
            members.extractall(folder, filter="data")
