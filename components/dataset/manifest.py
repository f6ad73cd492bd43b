"""Reads a manifest: a table that says of which class, and in which split, each photo is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.dataset.storage import is_remote, read_bytes
from schemas.errors import DataError, printable, shortened_list

# Names that a manifest in a data folder goes by, the first one found counts.
MANIFEST_NAMES = ("manifest.csv", "manifest.parquet")

_PATH, _LABEL, _SPLIT = "path", "label", "split"


@dataclass(frozen=True)
class ManifestEntry:
    """A row of a manifest.

    Attributes:
        path: relative to the manifest's folder, or absolute.
        label: the class.
        split: as written, or empty.
    """

    path: str
    label: str
    split: str


def is_manifest(path: str) -> bool:
    """Tells by its name whether a file is a manifest."""
    return path.lower().endswith((".csv", ".parquet"))


def read_manifest(path: str) -> tuple[str, list[ManifestEntry]]:
    """Reads a manifest.

    Args:
        path: of a CSV file in UTF-8, or a Parquet file, with the columns `path`, `label` and,
            if the split is given, `split`; others are not read.

    Returns:
        The folder that the paths are relative to, and the rows, each photo and label once.

    Raises:
        DataError: if it cannot be read, lacks a column, or a row lacks a path or a label.
    """
    name = printable(path)
    try:
        content = read_bytes(path)
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}; make the manifest readable.") from error
    rows = (_parquet_rows if path.lower().endswith(".parquet") else _csv_rows)(content, name)
    entries: dict[ManifestEntry, None] = {}
    for where, row in rows:
        cells = (row.get(column) for column in (_PATH, _LABEL, _SPLIT))
        values = ["" if cell is None else str(cell).strip() for cell in cells]
        if not values[0] or not values[1]:
            missing = _LABEL if values[0] else _PATH
            raise DataError(f"{name}, {where}: no {missing}; complete the row or remove it.")
        entries[ManifestEntry(_normal(values[0]), values[1], values[2])] = None
    if not entries:
        raise DataError(f"{name} holds no rows; write one for each photo: path,label.")
    return _folder_of(path), list(entries)


def _csv_rows(content: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text; save it as CSV UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        _check_columns(list(reader.fieldnames or []), name)
        for row in reader:
            yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: {error}; correct the CSV.") from error


def _parquet_rows(content: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow as pa  # noqa: PLC0415 (takes tenths of a second)
    import pyarrow.parquet  # noqa: PLC0415

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        _check_columns(file.schema_arrow.names, name)
        wanted = [c for c in (_PATH, _LABEL, _SPLIT) if c in file.schema_arrow.names]
        rows = file.read(columns=wanted).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name} is no Parquet file that can be read; write it again.") from error
    for number, row in enumerate(rows, start=1):
        yield f"row {number}", row


def _check_columns(columns: list[str], name: str) -> None:
    missing = [column for column in (_PATH, _LABEL) if column not in columns]
    if missing:
        raise DataError(
            f"{name} has no column {' and no column '.join(missing)} (it has: "
            f"{shortened_list(map(printable, columns)) or 'none'}); the first line must be "
            "path,label or path,label,split."
        )


def _normal(path: str) -> str:
    return path if is_remote(path) else path.replace("\\", "/").removeprefix("./")


def _folder_of(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return folder if slash and folder else slash or "."
