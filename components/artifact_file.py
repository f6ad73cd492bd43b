"""Writes the files of an artifact, wherever `tf.io.gfile` writes: whole or not at all.

TensorFlow, which takes seconds to import, is asked only for places that are no local path.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any

from components.dataset.storage import is_remote


def write_whole(file: str, text: str | bytes) -> None:
    """Writes a file under another name first, so that it is never seen half-written."""
    partial = file + ".partial"
    content = text.encode() if isinstance(text, str) else text
    if not is_remote(file):
        with open(partial, "wb") as local:
            local.write(content)
        os.replace(partial, file)
        return
    import tensorflow as tf  # noqa: PLC0415 (only remote files need it)

    with tf.io.gfile.GFile(partial, "wb") as stream:
        stream.write(content)
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
