"""The Quarantine artifact: which files of a data folder are used, which are not, and why.

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

import tensorflow as tf
from tfx.types.artifact import Artifact

from components.artifact_file import write_table, write_whole
from components.dataset.survey import Photo, Problem
from schemas import photo_table
from schemas.corrections import CORRECTIONS_FILE, Correction, as_csv

_FILE = "quarantine.csv"
_SURVEY = "survey.json"
_COLUMNS = ("path", "class", "reason", "bytes", "sha256")


class Quarantine(Artifact):
    """Files that were set aside, and what else was found of a data folder."""

    TYPE_NAME = "Quarantine"


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
    with tf.io.gfile.GFile(os.path.join(folder, photo_table.PHOTOS_FILE)) as stream:
        return list(csv.DictReader(io.StringIO(stream.read(), newline="")))


def write_applied(folder: str, corrections: Iterable[Correction]) -> None:
    """Writes the corrections that were applied, also where there are none."""
    write_whole(os.path.join(folder, CORRECTIONS_FILE), as_csv(corrections))


def write_survey(folder: str, found: dict[str, Any]) -> None:
    """Writes what `components.dataset.summary.summary` returns."""
    write_whole(os.path.join(folder, _SURVEY), json.dumps(found, ensure_ascii=False, indent=2))


def read_survey(folder: str) -> dict[str, Any]:
    """Reads what was found of the data folder."""
    with tf.io.gfile.GFile(os.path.join(folder, _SURVEY)) as stream:
        found: dict[str, Any] = json.loads(stream.read())
    return found
