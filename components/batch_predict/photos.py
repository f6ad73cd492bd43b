"""Finds the photos of a folder that is not divided into classes, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from components.dataset.layout import is_photo
from components.dataset.storage import check_folder, joined, walk
from components.serving.classification import Photo
from schemas.errors import DataError, printable


def photos_below(folder: str) -> Iterator[Photo]:
    """Yields the photos of a folder and all folders in it, in the order of their paths.

    A photo is a file whose name ends like an image's or whose first bytes are an image's. Hidden
    files are passed over.

    Args:
        folder: on this machine, or where `tf.io.gfile` reads.

    Raises:
        DataError: if a folder cannot be listed.
    """
    for file in walk(folder):
        if is_photo(folder, file):
            yield Photo(file.path, joined(folder, file.path), file.trouble)


def check_photos(folder: str) -> None:
    """Makes sure that there is a photo.

    Raises:
        DataError: if not.
    """
    check_folder(folder, wanted="a folder of photos")
    if next(photos_below(folder), None) is None:
        raise DataError(
            f"{printable(folder)} holds no photos; name a folder with JPEG, PNG, GIF, BMP, WebP or "
            "TIFF files in it or in folders below it."
        )
