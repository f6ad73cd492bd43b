"""Writes the files of an artifact, wherever `tf.io.gfile` writes: whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf


def write_whole(file: str, text: str | bytes) -> None:
    """Writes a file under another name first, so that it is never seen half-written."""
    partial = file + ".partial"
    with tf.io.gfile.GFile(partial, "w") as stream:
        stream.write(text)
    tf.io.gfile.rename(partial, file)


def write_table(file: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a CSV file, with the names of its columns also where there are no rows."""
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    # The plain one leaves a carriage return as it is, which readers take for the end of the row.
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(columns)
    for row in rows:
        writer = quoting if any("\r" in str(value) for value in row) else plain
        writer.writerow(row)
    write_whole(file, text.getvalue())
