"""Looks among the pushed versions for photos and models other than those of this run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.lookup import Lookup
from components.serving.model_folder import GRAPH_FILE, numbered_folders, read_classes
from components.serving.versions import find_versions
from schemas import features, serving
from schemas.errors import ModelError

MODELS_KEY = "models"
CURRENT_KEY = "current"
CANDIDATE_KEY = "candidate"
STATISTICS_KEY = "statistics"
MODEL_KEY = "model"

# Where statistics have those of the training photos.
_TRAINING = f"Split-{features.TRAIN}"

# They tell one SavedModel from another: the index holds a checksum of each variable.
_TELLING = (GRAPH_FILE, "variables/variables.index")


class LatestPushedStatistics(Lookup):
    """Finds the statistics that the latest version on other photos carries."""

    def look_up(self, properties: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, str]:
        """Returns their folder under `statistics`.

        Args:
            properties: `models`, the folder of pushed versions.
            inputs: `current`, the statistics of this run's photos.
        """
        current = _contents(Path(inputs[CURRENT_KEY], _TRAINING))
        for version in _newest_first(Path(properties[MODELS_KEY])):
            folder = version / serving.EXTRA_ASSETS / serving.STATISTICS_FOLDER
            if (folder / _TRAINING).is_dir() and _contents(folder / _TRAINING) != current:
                return {STATISTICS_KEY: str(folder)}
        return {STATISTICS_KEY: ""}


class LatestPushedModel(Lookup):
    """Finds the latest version that is not the candidate itself and knows its classes.

    The candidate is one of them where nothing has changed since it was pushed. A model that lacks
    a class had another task.
    """

    def look_up(self, properties: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, str]:
        """Returns the folder of a version under `model`.

        Args:
            properties: `models`, the folder of pushed versions.
            inputs: `candidate`, the Model artifact just trained.
        """
        candidate = Path(inputs[CANDIDATE_KEY], serving.SAVED_MODEL_FOLDER)
        wanted = set(read_classes(candidate))
        for version in _newest_first(Path(properties[MODELS_KEY])):
            if wanted <= _classes(version) and not _same_model(version, candidate):
                return {MODEL_KEY: str(version)}
        return {MODEL_KEY: ""}


def _newest_first(models: Path) -> Iterator[Path]:
    """Yields the versions in service that runs pushed; none if nothing was ever pushed.

    One that was promoted is a copy of an earlier one. With it as a baseline a run of nothing new
    would evaluate its model again, push it again, and so undo the promotion.
    """
    if models.is_dir() and any(numbered_folders(models)):
        for version in find_versions(models):
            if not version.withdrawn and version.copy_of is None:
                yield version.folder


def _classes(version: Path) -> set[str]:
    try:
        return set(read_classes(version))
    except ModelError:
        return set()


def _same_model(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in _TELLING)


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
