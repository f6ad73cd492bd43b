"""Waits until a disk has what was written, so that a power cut does not take it back."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# How file systems say that they cannot do that, such as Cloud Storage FUSE with folders.
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def sync(place: Path) -> None:
    """Waits for a file's content, or for the names in a folder.

    Raises:
        OSError: if the disk fails.
    """
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(descriptor)


def sync_below(folder: Path) -> None:
    """Waits for all that lies in a folder, and for its names.

    Raises:
        OSError: if the disk fails.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            sync(Path(place, name))
        sync(Path(place))
