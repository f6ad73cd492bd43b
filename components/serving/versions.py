"""The folder of pushed models: which versions there are, which one is served, and what is done.

TensorFlow Serving serves the numbered folder with the highest number, and looks at no other.
Every change is a move, so that it sees a version whole or not at all; what lies in a hidden
folder is out of service. One process at a time changes it. Without TensorFlow: mistakes answer at
once.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from components.durable import sync_below
from components.serving.model_folder import GRAPH_FILE, numbered_folders
from components.serving.moving import move_version
from components.serving.one_at_a_time import one_at_a_time
from schemas import serving
from schemas.errors import ModelError, printable, shortened_list

# Hidden, in the folder of models.
_WITHDRAWN = ".withdrawn"
_PROMOTING = ".promoting"
_REMOVED = ".removed-"

_RECORD = Path(serving.EXTRA_ASSETS, "warmstart.json")


@dataclass(frozen=True)
class Version:
    """A pushed version.

    Attributes:
        number: its name.
        folder: where it lies.
        withdrawn: whether it was taken out of service.
        pushed_at: when it came here, in UTC.
        run_id: of the run that trained it, or None if it is not recorded.
        accuracy: on the evaluation photos of that run, in [0, 1], or None.
        copy_of: the number it was pushed under, if it was promoted since, or None.
    """

    number: int
    folder: Path
    withdrawn: bool
    pushed_at: datetime
    run_id: str | None
    accuracy: float | None
    copy_of: int | None = None


def find_versions(models: Path) -> list[Version]:
    """Returns all versions, the newest first, in service or withdrawn.

    Raises:
        ModelError: if the folder cannot be read, or holds none.
    """
    with _explained(models):
        found = [
            _version(folder, withdrawn=withdrawn)
            for place, withdrawn in ((models, False), (models / _WITHDRAWN, True))
            for folder in (numbered_folders(place) if place == models or place.is_dir() else ())
        ]
    if not found:
        raise ModelError(
            f"{printable(str(models))} holds no pushed model; `warmstart pipeline run` pushes one, "
            "and --models names another folder."
        )
    return sorted(found, key=lambda version: (version.number, version.withdrawn), reverse=True)


def served(versions: list[Version]) -> Version | None:
    """Returns the version that TensorFlow Serving would serve."""
    in_service = [version for version in versions if not version.withdrawn]
    return max(in_service, key=lambda version: version.number, default=None)


def run_id_of(folder: Path) -> str | None:
    """Returns the id of the run that trained a version, or None if it is not recorded."""
    return _run_id(_read_record(folder))


def is_withdrawn(folder: Path) -> bool:
    """Tells whether a version that was pushed to a folder was taken out of service since."""
    return not folder.exists() and (folder.parent / _WITHDRAWN / folder.name).is_dir()


def place_in_service(folder: Path) -> Path | None:
    """Returns where a version that was pushed to a folder is: there, or a promoted copy of it."""
    if folder.is_dir():
        return folder
    if not folder.parent.is_dir():
        return None
    copies = [
        version
        for version in (
            _version(place, withdrawn=False) for place in numbered_folders(folder.parent)
        )
        if str(version.copy_of) == folder.name
    ]
    newest = max(copies, key=lambda version: version.number, default=None)
    return newest.folder if newest else None


def roll_back(models: Path) -> tuple[Version, Version]:
    """Takes the newest version out of service; returns it, and the one that is served now.

    Raises:
        ModelError: if nothing would be left to serve.
    """
    with _explained(models), one_at_a_time(models):
        in_service = [version for version in find_versions(models) if not version.withdrawn]
        if len(in_service) < 2:
            only = [f"one version only, {version.number}" for version in in_service]
            number = only[0] if only else "no version in service"
            raise ModelError(
                f"{printable(str(models))} holds {number}, so there is none to go back to; "
                "run the pipeline, or promote a withdrawn one."
            )
        newest, before = in_service[:2]
        target = models / _WITHDRAWN
        target.mkdir(exist_ok=True)
        move_version(newest.folder, target / newest.folder.name)
    return newest, before


def promote(models: Path, number: int) -> Version:
    """Makes a version the newest: a copy of it gets the next number.

    The one it is a copy of stays where it is. One that is served already is left alone.

    Args:
        models: the folder of models.
        number: of a version, in service or withdrawn.

    Returns:
        The version that is served now.

    Raises:
        ModelError: if there is no such version.
    """
    staging = models / _PROMOTING
    with _explained(models), one_at_a_time(models):
        versions = find_versions(models)
        chosen = next((version for version in versions if version.number == number), None)
        if chosen is None:
            numbers = shortened_list(str(version.number) for version in versions)
            raise ModelError(
                f"Version {number}: {printable(str(models))} holds no such version; there are "
                f"{numbers}."
            )
        if chosen == served(versions):
            return chosen
        shutil.rmtree(staging, ignore_errors=True)  # Of a promotion that was killed.
        shutil.copytree(chosen.folder, staging)
        new = next_number(models)
        write_record(
            staging,
            new,
            run_id=chosen.run_id,
            accuracy=chosen.accuracy,
            copy_of=chosen.copy_of or chosen.number,
        )
        sync_below(staging)
        move_version(staging, models / str(new))
    return _version(models / str(new), withdrawn=False)


def prune(models: Path, keep: int) -> list[Version]:
    """Removes the oldest versions; the one that is served is the newest, and stays.

    Withdrawn versions go when they are older than all that are kept.

    Args:
        models: the folder of models.
        keep: how many stay in service, at least 1.

    Returns:
        What was removed, the newest first.

    Raises:
        ModelError: if there are none, or one cannot be removed.
    """
    with _explained(models), one_at_a_time(models):
        versions = find_versions(models)
        kept = [version for version in versions if not version.withdrawn][:keep]
        oldest = kept[-1].number if kept else 0
        removed = [version for version in versions if version.number < oldest]
        for version in removed:
            # Out of sight at once: half a version is never served.
            mark = f"{_REMOVED}{version.number}{'-withdrawn' if version.withdrawn else ''}"
            move_version(version.folder, models / mark)
        for left in models.glob(f"{_REMOVED}*"):
            shutil.rmtree(left)
    return removed


def next_number(models: Path) -> int:
    """Returns the number that makes a version the newest: the Unix time, or a higher one.

    Higher than that of any there is, also of a withdrawn one and whatever the clock says: a number
    stands for one model for ever.
    """
    places = (models, models / _WITHDRAWN)
    numbers = [
        int(name)
        for place in places
        if place.is_dir()
        for name in os.listdir(place)
        if name.isdecimal()
    ]
    return max([int(datetime.now(UTC).timestamp()), *(number + 1 for number in numbers)])


def write_record(
    folder: Path,
    number: int,
    *,
    run_id: str | None,
    accuracy: float | None,
    copy_of: int | None = None,
) -> None:
    """Writes into a version, which is not in service yet, where it comes from."""
    record = {
        "version": number,
        "pushed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "run_id": run_id,
        "accuracy": accuracy,
        "copy_of": copy_of,
        "warmstart": metadata.version("warmstart"),
    }
    file = folder / _RECORD
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _version(folder: Path, *, withdrawn: bool) -> Version:
    record = _read_record(folder)
    changed = datetime.fromtimestamp((folder / GRAPH_FILE).stat().st_mtime, UTC)
    try:
        pushed_at = datetime.fromisoformat(record["pushed_at"])
    except (KeyError, TypeError, ValueError):
        pushed_at = changed.replace(microsecond=0)
    accuracy, copy_of = record.get("accuracy"), record.get("copy_of")
    return Version(
        int(folder.name),
        folder,
        withdrawn,
        pushed_at,
        _run_id(record),
        accuracy if isinstance(accuracy, float) else None,
        copy_of if isinstance(copy_of, int) else None,
    )


def _run_id(record: dict[str, Any]) -> str | None:
    run_id = record.get("run_id")
    return run_id if isinstance(run_id, str) else None


def _read_record(folder: Path) -> dict[str, Any]:
    """Reads where a version comes from; one that was put here by hand says nothing of it."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


@contextmanager
def _explained(models: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ModelError(
            f"{printable(str(error.filename or models))} is no folder of pushed models, or was "
            "changed meanwhile; --models names another one."
        ) from error
    except OSError as error:
        raise ModelError(
            f"{printable(str(error.filename or models))}: {error.strerror or error}; name a folder "
            "of pushed models that you may change."
        ) from error
