"""The files of a LabelSuspicions artifact: labels that look wrong, and which photos were judged."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable

from components.artifact_file import write_table
from components.dataset.storage import read_bytes
from components.label_review.suspicions import LabelledPhoto, LabelSuspicion
from schemas import embedded_table

_FILE = "suspicions.csv"
_COLUMNS = ("path", "class", "suggested", "self_confidence", "confidence", "split")


def suspicions_file(folder: str) -> str:
    """Returns where the list of an artifact lies."""
    return os.path.join(folder, _FILE)


def write_suspicions(folder: str, suspicions: Iterable[LabelSuspicion]) -> None:
    """Writes the list, also where it is empty."""
    rows = (
        (s.path, s.label, s.suggested, s.self_confidence, s.confidence, s.split) for s in suspicions
    )
    write_table(suspicions_file(folder), _COLUMNS, rows)


def write_embedded(folder: str, photos: Iterable[LabelledPhoto]) -> None:
    """Writes which digest each photo's embedding is kept under."""
    rows = ((p.path, p.label, p.split, p.digest.hex()) for p in photos)
    file = os.path.join(folder, embedded_table.EMBEDDED_FILE)
    write_table(file, embedded_table.COLUMNS, rows)


def read_suspicions(folder: str) -> list[LabelSuspicion]:
    """Reads the list of an artifact."""
    text = read_bytes(suspicions_file(folder)).decode()
    return [
        LabelSuspicion(
            row["path"],
            row["class"],
            suggested=row["suggested"],
            self_confidence=float(row["self_confidence"]),
            confidence=float(row["confidence"]),
            split=row["split"],
        )
        for row in csv.DictReader(io.StringIO(text))
    ]
