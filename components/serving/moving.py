"""Moves the folder of a version, on file systems that rename no folders as well."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from components.durable import sync, sync_below
from components.serving.model_folder import GRAPH_FILE

# How file systems say so: Cloud Storage FUSE, which renames folders only in buckets with a
# hierarchical namespace, says that too many objects would have to be renamed.
_NO_RENAME = frozenset({errno.EMFILE, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV})


def move_version(folder: Path, target: Path) -> None:
    """Moves a version, so that nobody sees half of one; the move survives a power cut.

    Where no folder can be renamed, its files are copied, the graph last, and then removed, the
    graph first: a folder without it is no version to warmstart, and TensorFlow Serving looks again
    a minute later.

    Raises:
        OSError: if it cannot be moved.
    """
    try:
        os.rename(folder, target)
    except OSError as error:
        if error.errno not in _NO_RENAME:
            raise
        _copy(folder, target)
        sync_below(target)
        (folder / GRAPH_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder)
    for place in {folder.parent, target.parent}:
        sync(place)


def _copy(folder: Path, target: Path) -> None:
    graph = str(folder / GRAPH_FILE)

    def without_graph(place: str, names: list[str]) -> set[str]:
        return {name for name in names if os.path.join(place, name) == graph}

    shutil.copytree(folder, target, ignore=without_graph, dirs_exist_ok=True)
    if os.path.exists(graph):
        shutil.copy2(graph, target / GRAPH_FILE)
