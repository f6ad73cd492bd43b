"""Writes the page of `warmstart data check --html`: what was found, with thumbnails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from components.dataset.image_file import quiet_pillow, upright_rgb
from components.dataset.storage import joined, read_bytes
from components.dataset.survey import Photo, Survey
from components.pages.rendering import templates
from components.pages.thumbnails import data_url, thumbnail
from pipelines.outcome import write_whole

# Of files and of groups in a list, and of photos in a group or class: the page stays small.
_MOST_FILES = 500
_MOST_GROUPS = 50
_MOST_PHOTOS = 6


def write_data_page(data: str, survey: Survey, found: dict[str, Any], file: Path) -> None:
    """Writes the page.

    Args:
        data: the data folder, as the user named it.
        survey: of it.
        found: what `components.dataset.summary.summary` says of it.
        file: where to.

    Raises:
        OSError: if it cannot be written.
    """
    by_class: dict[str, list[Photo]] = defaultdict(list)
    for photo in survey.photos:
        by_class[photo.label].append(photo)
    with quiet_pillow():
        page = (
            templates()
            .get_template("data.html")
            .render(
                data=data,
                found=found,
                conflicts=_galleries(survey.root, survey.conflicts),
                duplicates=_galleries(survey.root, survey.duplicates),
                examples={
                    label: _gallery(survey.root, by_class[label]) for label in sorted(by_class)
                },
                most=_MOST_FILES,
            )
        )
    write_whole(file, page)


def _galleries(root: str, groups: Iterable[list[Photo]]) -> list[list[dict[str, Any]]]:
    return [_gallery(root, photos) for photos in islice(groups, _MOST_GROUPS)]


def _gallery(root: str, photos: Iterable[Photo]) -> list[dict[str, Any]]:
    return [
        {
            "path": photo.path,
            "label": photo.label,
            "split": photo.split,
            "width": photo.seen.width,
            "height": photo.seen.height,
            "thumbnail": _thumbnail(joined(root, photo.path)),
        }
        for photo in islice(photos, _MOST_PHOTOS)
    ]


def _thumbnail(place: str) -> str:
    """Returns a data URL, or an empty one if the file has gone meanwhile."""
    try:
        image = upright_rgb(read_bytes(place))
    except (OSError, ValueError):
        return "data:,"
    return data_url(thumbnail(image))
