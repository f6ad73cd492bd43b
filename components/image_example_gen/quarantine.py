"""The files of a Quarantine artifact: what of a data folder is used, what is not, and why.

quarantine.csv    path, class, reason, bytes and SHA-256 of each
survey.json       what else was found, as `warmstart data check --json` prints it
photos.csv        path, label, split and SHA-256 of each photo that is used
corrections.csv   the corrections that made those photos, or labels, what they are
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from typing import Any

from components.artifact_file import write_table, write_whole
from components.dataset.storage import read_bytes
from components.dataset.survey import Photo, Problem
from schemas import photo_table
from schemas.corrections import CORRECTIONS_FILE, Correction, as_csv

_FILE = "quarantine.csv"
_SURVEY = "survey.json"
_COLUMNS = ("path", "class", "reason", "bytes", "sha256")


def quarantine_file(folder: str) -> str:
    """Returns where the list of an artifact lies."""
    return os.path.join(folder, _FILE)


def write_quarantine(folder: str, problems: Iterable[Problem]) -> None:
    """Writes the list, also where it is empty."""
    rows = ((p.path, p.label, p.reason, p.size, p.digest) for p in problems)
    write_table(quarantine_file(folder), _COLUMNS, rows)


def write_photos(folder: str, photos: Iterable[Photo]) -> None:
    """Writes the table of the photos that are used."""
    rows = ((p.path, p.label, p.split, p.digest) for p in photos)
    write_table(os.path.join(folder, photo_table.PHOTOS_FILE), photo_table.COLUMNS, rows)


def read_photos(folder: str) -> list[dict[str, str]]:
    """Reads the table of the photos that are used: a row by the names of `photo_table.COLUMNS`."""
    text = read_bytes(os.path.join(folder, photo_table.PHOTOS_FILE)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write_applied(folder: str, corrections: Iterable[Correction]) -> None:
    """Writes the corrections that were applied, also where there are none."""
    write_whole(os.path.join(folder, CORRECTIONS_FILE), as_csv(corrections))


def write_survey(folder: str, found: dict[str, Any]) -> None:
    """Writes what `components.dataset.summary.summary` returns."""
    write_whole(os.path.join(folder, _SURVEY), json.dumps(found, ensure_ascii=False, indent=2))


def read_survey(folder: str) -> dict[str, Any]:
    """Reads what was found of the data folder."""
    found: dict[str, Any] = json.loads(read_bytes(os.path.join(folder, _SURVEY)))
    return found
