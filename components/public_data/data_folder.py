"""Makes a data folder of an archive: it appears whole or not at all, and says what it holds."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.dataset.archive import unpack
from components.public_data.download import megabytes
from components.public_data.registry import PublicDataset
from schemas.errors import ConfigError, DataError, printable

# Hidden, so that it is no class folder.
MARKER = ".warmstart-dataset.json"

# JPEG files do not shrink in an archive; each fills up its last block on the disk.
_UNPACKED_RATIO = 1.1


def holds(folder: Path, dataset: PublicDataset) -> bool:
    """Tells whether a folder is what `install` makes of this very archive."""
    try:
        marker = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return False
    classes = all((folder / label).is_dir() for label in dataset.classes)
    return bool(marker == _marker(dataset) and classes)


def check_free(folder: Path) -> None:
    """Makes sure that a data folder can be made here.

    Raises:
        ConfigError: if something else is there, or its name cannot be one of a data folder.
    """
    name = printable(str(folder))
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{name}: the name is not UTF-8; name another folder.") from error
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"{name} is a file; name a folder.")
    if os.path.ismount(folder):
        # What is prepared beside it could not be renamed into it.
        raise ConfigError(
            f"{name} is a disk of its own; name a folder in it, such as {name}/photos."
        )
    if any(folder.iterdir()):
        raise ConfigError(
            f"{name} is not empty; name a folder that is empty or does not exist yet."
        )


def partial_file(folder: Path, dataset: PublicDataset) -> Path:
    """Returns where the archive lies while it is downloaded: hidden, beside the data folder."""
    return folder.with_name(f".{folder.name}.{dataset.archive_name}.partial")


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """Makes a hidden folder beside the data folder, and removes it in the end.

    It is locked meanwhile; that of a killed process is not, and is taken over.

    Raises:
        ConfigError: if it cannot be written to.
        DataError: if another process has it.
    """
    place = folder.with_name(f".{folder.name}.fetching")
    name = printable(str(folder))
    try:
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(
            f"Cannot write beside {name} ({error.strerror}); name a folder whose parent can be "
            "written to."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DataError(
            f"Another process is fetching into {name}; wait for it, or name another folder."
        ) from error
    try:
        for left in place.iterdir():
            _remove(left)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(descriptor)


def check_space(folder: Path, dataset: PublicDataset, to_download: int) -> None:
    """Makes sure that there is room for the archive and for what is unpacked from it.

    Args:
        folder: the data folder, whose parent exists.
        dataset: what is to be unpacked.
        to_download: bytes of the archive that have yet to arrive.

    Raises:
        DataError: if there is not.
    """
    needed = to_download + round(_UNPACKED_RATIO * dataset.size)
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise DataError(
            f"{printable(str(folder.parent))}: {dataset.name} needs {megabytes(needed)} of disk "
            f"space, and {megabytes(free)} are free; free some, or name a folder on another disk."
        )


def install(dataset: PublicDataset, archive: Path, folder: Path, place: Path) -> None:
    """Unpacks an archive and moves its class folders and licence into the data folder.

    Args:
        dataset: whose archive it is.
        archive: checked already.
        folder: the data folder, missing or empty.
        place: an empty folder on the same disk.

    Raises:
        DataError: if the archive cannot be unpacked, or the disk is full.
    """
    # Under its own name, by which the kind of an archive can be told.
    named = place / dataset.archive_name
    unpacked, ready = place / "unpacked", place / "ready"
    try:
        named.symlink_to(archive.resolve())
        unpack(named, unpacked)
        ready.mkdir()
        for label in dataset.classes:
            (unpacked / dataset.folder / label).rename(ready / label)
        licence = unpacked / dataset.licence_file
        licence.rename(ready / licence.name)
        (ready / MARKER).write_text(json.dumps(_marker(dataset)) + "\n", encoding="utf-8")
        _move(ready, folder)
    except OSError as error:
        raise DataError(
            f"{printable(str(folder))}: {dataset.archive_name} could not be unpacked there "
            f"({error.strerror}); mend that and run the same command again."
        ) from error


def _move(ready: Path, folder: Path) -> None:
    if not folder.exists():
        ready.rename(folder)
        return
    # It may be the working directory of a shell, which would stay in what a rename replaced.
    marker = ready / MARKER
    for entry in [*(e for e in ready.iterdir() if e != marker), marker]:
        entry.rename(folder / entry.name)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _marker(dataset: PublicDataset) -> dict[str, str]:
    return {"name": dataset.name, "url": dataset.url, "sha256": dataset.sha256}
