"""Finds a pushed model and its class names, without TensorFlow: mistakes answer at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from schemas import serving
from schemas.errors import ModelError, printable

# By which a folder is known as a SavedModel.
GRAPH_FILE = "saved_model.pb"


def version_folder(folder: Path) -> Path:
    """Returns the folder of one version.

    Args:
        folder: of one version, or of all versions, of which the newest is taken.

    Raises:
        ModelError: if there is no pushed model.
    """
    if (folder / GRAPH_FILE).is_file():
        return folder
    if not folder.is_dir():
        raise ModelError(
            f"{printable(str(folder))} is no folder; name the folder of a pushed model."
        )
    newest = max(numbered_folders(folder), key=lambda version: int(version.name), default=None)
    if newest is None:
        raise ModelError(
            f"{printable(str(folder))} holds no pushed model (no saved_model.pb, and no numbered "
            "folder with one); `warmstart pipeline run` says where it pushed the model."
        )
    return newest


def numbered_folders(folder: Path) -> Iterator[Path]:
    """Yields the versions in a folder of all versions, in no order.

    Raises:
        OSError: if it cannot be read.
    """
    for entry in folder.iterdir():
        if entry.name.isdecimal() and (entry / GRAPH_FILE).is_file():
            yield entry


def read_classes(version: Path) -> list[str]:
    """Returns the class names of a model, in the order of its probabilities.

    Raises:
        ModelError: if the model carries none.
    """
    file = version / "assets" / serving.CLASSES_ASSET
    try:
        classes: list[str] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{version} carries no class names ({serving.CLASSES_ASSET} is missing or broken); "
            "name a model that `warmstart pipeline run` pushed."
        ) from error
    return classes
