"""The Quarantine artifact: the files of a data folder that cannot be used, and why."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable

import tensorflow as tf
from tfx.types.artifact import Artifact

from components.image_example_gen.photos import Problem

_FILE = "quarantine.csv"
_COLUMNS = ("path", "class", "reason", "bytes", "sha256")


class Quarantine(Artifact):
    """Files that were set aside: `quarantine.csv` with path, class, reason, size and SHA-256."""

    TYPE_NAME = "Quarantine"


def quarantine_file(folder: str) -> str:
    """Returns where the list of an artifact lies."""
    return os.path.join(folder, _FILE)


def write_quarantine(folder: str, problems: Iterable[Problem]) -> None:
    """Writes the list, also where it is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((p.path, p.label, p.reason, p.size, p.digest) for p in problems)
    file = quarantine_file(folder)
    with tf.io.gfile.GFile(file + ".partial", "w") as stream:
        stream.write(text.getvalue())
    tf.io.gfile.rename(file + ".partial", file)


def read_quarantine(folder: str) -> list[Problem]:
    """Reads the list of an artifact."""
    with tf.io.gfile.GFile(quarantine_file(folder)) as stream:
        rows = csv.DictReader(io.StringIO(stream.read()))
        return [
            Problem(row["path"], row["class"], row["sha256"], row["reason"], int(row["bytes"]))
            for row in rows
        ]
