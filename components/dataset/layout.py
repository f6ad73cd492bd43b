"""Finds the photos of a data folder, and what says which class, and which split, each is of.

photos/cat/1.jpg                     class folders
photos/train/cat/1.jpg               split folders: train, val and perhaps test, with classes
photos/manifest.csv                  a table: path,label[,split]; or .parquet
photos.zip, photos.tar.gz            an archive of any of these
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.dataset.archive import ARCHIVE_SUFFIXES, is_archive, unpacked
from components.dataset.image_file import looks_like_image
from components.dataset.manifest import MANIFEST_NAMES, is_manifest, read_manifest
from components.dataset.storage import (
    File,
    check_folder,
    described,
    files_in,
    first_bytes,
    folders_in,
    is_file,
    is_remote,
    joined,
    walk,
)
from schemas import features
from schemas.errors import DataError, printable, shortened_list

CLASS_FOLDERS = "class folders"
SPLIT_FOLDERS = "split folders"
MANIFEST = "manifest"

# A file named so is meant to be a photo. Most of those after the first line are not decoded, but
# listed as problems.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
    | {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".svg", ".psd", ".ico", ".tga", ".dds"}
    | {".ppm", ".pgm", ".pbm", ".pcx", ".mpo", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf"}
)

# Under which names the splits go in the field's data sets.
_SPLIT_NAMES = {
    "train": features.TRAIN,
    "training": features.TRAIN,
    "val": features.EVAL,
    "valid": features.EVAL,
    "validation": features.EVAL,
    "eval": features.EVAL,
    "evaluation": features.EVAL,
    "test": features.TEST,
    "testing": features.TEST,
}

_EXPECTED = "the photos of each class in a folder with the name of the class, such as"


@dataclass(frozen=True)
class LabelledFile:
    """A file that is meant to be a photo.

    Attributes:
        file: where it is.
        label: its class.
        split: `train`, `eval` or `test` where the data folder says so, or empty.
    """

    file: File
    label: str
    split: str = ""


@dataclass(frozen=True)
class Layout:
    """Where the photos lie.

    Attributes:
        kind: `class folders`, `split folders` or `manifest`.
        root: what the paths of the files are relative to.
        files: in the order of their paths.
    """

    kind: str
    root: str
    files: list[LabelledFile]


def find_photos(data: str) -> Layout:
    """Finds the photos of a data folder, manifest or archive.

    A photo is a file whose name ends like an image's or whose first bytes are an image's, or
    that a manifest names.

    Raises:
        DataError: if nothing is there, it cannot be read, or it holds no photos with a class.
    """
    if is_archive(data) and is_file(data):
        if is_remote(data):
            raise DataError(f"{data}: copy the archive to this machine, and name the copy.")
        return _find_in_folder(_only_folder(str(unpacked(Path(data)))), named=data)
    if is_manifest(data) and is_file(data):
        return _manifest_layout(data)
    if not is_remote(data) and is_file(data):
        raise DataError(
            f"{printable(data)} is a file; name a folder, a manifest (.csv, .parquet) or an "
            f"archive ({', '.join(ARCHIVE_SUFFIXES)})."
        )
    check_folder(data)
    return _find_in_folder(data, named=data)


def is_photo(root: str, file: File) -> bool:
    """Tells by its name, or else by its first bytes, whether a file is meant to be a photo.

    Args:
        root: what the path of the file is relative to.
        file: where it is.
    """
    dot = file.path.rfind(".")
    if file.path[dot:].lower() in IMAGE_SUFFIXES:
        return True
    if file.trouble:
        return False
    try:
        return looks_like_image(first_bytes(joined(root, file.path), 12))
    except OSError:
        return False


def _only_folder(root: str) -> str:
    """Steps into a folder that an archive holds and nothing beside it."""
    folders = folders_in(root)
    if len(folders) == 1 and not files_in(root):
        inner = joined(root, folders[0])
        if folders_in(inner) or any(name in MANIFEST_NAMES for name in files_in(inner)):
            return inner
    return root


def _find_in_folder(root: str, named: str) -> Layout:
    names = files_in(root)
    manifest = next((name for name in MANIFEST_NAMES if name in names), None)
    if manifest:
        return _manifest_layout(joined(root, manifest))
    folders = folders_in(root)
    splits = _split_folders(root, folders)
    if splits:
        return _split_layout(root, splits, named)
    files = _by_class(root, folders)
    _check_found(files, root, folders, named)
    return Layout(CLASS_FOLDERS, root, _sorted(f for found in files.values() for f in found))


def _split_folders(root: str, folders: list[str]) -> dict[str, str]:
    """Returns the split of each folder, or nothing if these are no split folders."""
    splits = {folder: _SPLIT_NAMES.get(folder.lower(), "") for folder in folders}
    given = set(splits.values())
    if "" in given or features.TRAIN not in given or len(given) < 2:
        return {}
    # Two classes might be called so, too: then photos lie in them, and no folders.
    if not all(folders_in(joined(root, folder)) for folder in folders):
        return {}
    if features.EVAL not in given:
        # Training needs photos to measure on; what is called a test set is used for that.
        splits = {f: features.EVAL if s == features.TEST else s for f, s in splits.items()}
    return splits


def _split_layout(root: str, splits: dict[str, str], named: str) -> Layout:
    files: list[LabelledFile] = []
    for folder, split in splits.items():
        classes = folders_in(joined(root, folder))
        found = _by_class(root, [f"{folder}/{name}" for name in classes], split)
        files.extend(file for entries in found.values() for file in entries)
    if not files:
        raise DataError(
            f"No photos in the folders {shortened_list(map(printable, splits))} of "
            f"{printable(named)}; put {_EXPECTED} {printable(joined('train', 'cat'))}."
        )
    return Layout(SPLIT_FOLDERS, root, _sorted(files))


def _manifest_layout(manifest: str) -> Layout:
    root, entries = read_manifest(manifest)
    files = [
        LabelledFile(described(root, entry.path), entry.label, _split_named(entry.split, manifest))
        for entry in entries
    ]
    given = {file.split for file in files}
    if "" in given and len(given) > 1:
        first = next(file for file in files if not file.split)
        raise DataError(
            f"{printable(manifest)} gives some photos a split, but not "
            f"{printable(first.file.path)}; give each one, or none."
        )
    return Layout(MANIFEST, root, _sorted(files))


def _split_named(name: str, manifest: str) -> str:
    if not name:
        return ""
    if name.lower() not in _SPLIT_NAMES:
        raise DataError(
            f"{printable(manifest)} holds the split {printable(name)}; write train, val or test."
        )
    return _SPLIT_NAMES[name.lower()]


def _by_class(root: str, folders: list[str], split: str = "") -> dict[str, list[LabelledFile]]:
    return {
        folder: [
            LabelledFile(file, folder.rsplit("/", 1)[-1], split)
            for file in walk(root, folder)
            if is_photo(root, file)
        ]
        for folder in folders
    }


def _check_found(
    files: dict[str, list[LabelledFile]], root: str, folders: list[str], named: str
) -> None:
    name, example = printable(named), printable(joined(root, "cat"))
    if any(files.values()):
        empty = [printable(folder) for folder, found in files.items() if not found]
        if empty:
            raise DataError(
                f"{name}: no photos in the class folder {shortened_list(empty)}; add photos or "
                "remove the folder."
            )
        return
    if any(is_photo(root, described(root, file)) for file in files_in(root)):
        raise DataError(
            f"The photos in {name} lie in no class folder; move those of each class into a "
            f"folder with the name of the class, such as {example}."
        )
    if folders:
        raise DataError(
            f"No photos in the class folders of {name} ({shortened_list(map(printable, folders))}"
            "); put JPEG, PNG, GIF, BMP, WebP or TIFF files there."
        )
    raise DataError(f"{name} holds no class folders; put {_EXPECTED} {example}.")


def _sorted(files: Iterable[LabelledFile]) -> list[LabelledFile]:
    return sorted(files, key=lambda labelled: labelled.file.path)
