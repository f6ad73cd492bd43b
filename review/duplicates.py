"""Photos of a run that show the same picture, as its survey grouped them."""

from __future__ import annotations

from collections import defaultdict

from review.history import History
from review.photos import Photo, photos_of
from review.records import Execution

_QUARANTINE = "quarantine"
_SURVEY_FILE = "survey.json"
_GROUPS = "duplicate_groups"


def duplicate_groups(history: History, example_gen: Execution | None) -> list[tuple[Photo, ...]]:
    """Returns the groups of photos that show the same picture; none where that is not recorded.

    Near-duplicates, resized, recompressed or slightly cropped, are among them, unless the run was
    to look for equal files only.

    Args:
        history: of the store.
        example_gen: the execution that surveyed the photos.
    """
    by_path: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos_of(history, example_gen) or ():
        by_path[photo.path].append(photo)
    groups = []
    for paths in _recorded(history, example_gen):
        # A path may be there twice, with two labels.
        photos = [photo for path in dict.fromkeys(paths) for photo in by_path.get(path, ())]
        if len(photos) > 1:
            groups.append(tuple(photos))
    return groups


def _recorded(history: History, example_gen: Execution | None) -> list[list[str]]:
    ids = example_gen.outputs.get(_QUARANTINE, ()) if example_gen else ()
    for artifact in history.artifacts(ids).values():
        groups = (history.files.read_object(artifact, _SURVEY_FILE) or {}).get(_GROUPS)
        if isinstance(groups, list):
            return [group for group in groups if _are_paths(group)]
    return []


def _are_paths(group: object) -> bool:
    return isinstance(group, list) and all(isinstance(path, str) for path in group)
