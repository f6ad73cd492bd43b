"""The table of predictions: its columns, and the files it is written to.

path | label | confidence | probability:CLASS … | error

No class name can collide with another column. Where the names are not known, the probabilities
are `probability[0]` and so on, in the model's order.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.dataset.storage import is_remote
from components.serving.classification import Model, Prediction
from schemas.errors import ConfigError, DataError, printable

CSV = ".csv"
JSON_LINES = ".jsonl"
PARQUET = ".parquet"
FORMATS = (PARQUET, CSV, JSON_LINES)

# Of Parquet: what is in memory before it is written, and what a reader reads at once.
_ROW_GROUP = 10_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Attributes:
        probabilities: names of those that hold a probability, in the model's order.
    """

    probabilities: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they are written."""
        return ("path", "label", "confidence", *self.probabilities, "error")

    def row(self, prediction: Prediction) -> Row:
        """Returns a value for each column, None where there is none.

        A path that is not UTF-8 gets backslashes where it is not.
        """
        found = prediction.probabilities
        values = [*found.values()] if isinstance(found, dict) else found
        row: Row = dict.fromkeys(self.names)
        row["path"] = prediction.path.encode(errors="backslashreplace").decode()
        row["label"] = prediction.label
        row["confidence"] = prediction.confidence
        if values:
            row.update(zip(self.probabilities, values, strict=True))
        row["error"] = prediction.error
        return row


def columns_of(model: Model) -> Columns:
    """Returns the columns of a table of what a model says."""
    if model.classes is None:
        return Columns(tuple(f"probability[{number}]" for number in range(model.class_count)))
    return Columns(tuple(f"probability:{name}" for name in model.classes))


def check_output(output: str) -> None:
    """Makes sure that a file for a table can be written, by its name.

    Args:
        output: on this machine, or where `tf.io.gfile` writes.

    Raises:
        ConfigError: if it is of another format, or its folder does not exist.
    """
    if not output.endswith(FORMATS):
        raise ConfigError(
            f"--output {printable(output)}: name a file that ends with {', '.join(FORMATS[:-1])} "
            f"or {FORMATS[-1]}."
        )
    file = Path(output)
    if not is_remote(output) and (file.is_dir() or not file.parent.is_dir()):
        raise ConfigError(f"--output {printable(output)}: name a file in a folder that exists.")


@contextmanager
def written_table(file: Path, columns: Columns) -> Iterator[Callable[[Row], None]]:
    """Writes a table row by row; it appears under its name when it is complete.

    Args:
        file: its suffix, one of `FORMATS`, says how.
        columns: of the table.

    Yields:
        What writes a row.

    Raises:
        DataError: if the file cannot be written.
    """
    growing = file.with_name(f".{file.name}.{os.getpid()}")
    writer = _parquet if file.suffix == PARQUET else _text
    try:
        with writer(growing, columns, file.suffix) as write:
            yield write
        os.replace(growing, file)
    except OSError as error:
        raise DataError(
            f"--output {printable(str(file))}: {error.strerror or error}; name a place that can be "
            "written to, and has room."
        ) from error
    finally:
        growing.unlink(missing_ok=True)


def header(columns: Columns, suffix: str) -> str | None:
    """Returns the first line of a text file, or None if its format has none."""
    return _csv_line(columns.names) if suffix == CSV else None


def line(row: Row, suffix: str) -> str:
    """Returns a row as a line of a text file, without its end; a quoted value may have lines."""
    return _csv_line(row.values()) if suffix == CSV else json.dumps(row, ensure_ascii=False)


def parquet_schema(columns: Columns) -> Any:
    """Returns the pyarrow.Schema of a table."""
    import pyarrow as pa  # noqa: PLC0415 (takes tenths of a second)

    numbers = {"confidence", *columns.probabilities}
    return pa.schema(
        [(name, pa.float32() if name in numbers else pa.string()) for name in columns.names]
    )


def _csv_line(values: Iterable[Any]) -> str:
    stream = io.StringIO()
    # With its usual end of line, the csv module also quotes values with half of it.
    csv.writer(stream).writerow(values)
    return stream.getvalue().removesuffix("\r\n")


@contextmanager
def _text(file: Path, columns: Columns, suffix: str) -> Iterator[Callable[[Row], None]]:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        first = header(columns, suffix)
        if first is not None:
            stream.write(f"{first}\n")

        def write(row: Row) -> None:
            stream.write(f"{line(row, suffix)}\n")

        yield write


@contextmanager
def _parquet(file: Path, columns: Columns, _: str) -> Iterator[Callable[[Row], None]]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = parquet_schema(columns)
    rows: list[Row] = []
    with file.open("wb") as stream, pq.ParquetWriter(stream, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(rows, schema))
            rows.clear()

        def write(row: Row) -> None:
            rows.append(row)
            if len(rows) == _ROW_GROUP:
                flush()

        yield write
        if rows:
            flush()
