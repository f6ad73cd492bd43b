"""The table of predictions, in its three formats."""

from __future__ import annotations

import csv
import json
import resource
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from components.batch_predict import table
from components.batch_predict.table import check_output, columns_of, written_table
from components.serving.classification import Prediction
from schemas.errors import ConfigError, DataError

# Class names that would collide with columns, break lines or cells, or be taken for numbers.
CLASSES = ["path", "error", "a,b", 'say "x"', "two\nlines\r", "0", "猫"]
PROBABILITIES = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.015625]
NAMES = ["path", "label", "confidence", *(f"probability:{name}" for name in CLASSES), "error"]


class Named:
    class_count = len(CLASSES)
    at_once = 1
    classes: list[str] | None = CLASSES

    def classify(self, contents: Any) -> Any:
        raise NotImplementedError


def prediction(path: str) -> Prediction:
    by_name = dict(zip(CLASSES, PROBABILITIES, strict=True))
    return Prediction(path, "path", 0.5, by_name)


def rows_of(file: Path) -> list[dict[str, Any]]:
    """Reads a table as what comes after would; empty cells of CSV become None, as elsewhere."""
    if file.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return rows
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_bytes().decode().split("\n")[:-1]]
    with file.open(encoding="utf-8", newline="") as stream:
        return [
            {
                name: float(value)
                if value and name.startswith(("confidence", "probability"))
                else value or None
                for name, value in row.items()
            }
            for row in csv.DictReader(stream)
        ]


def write(file: Path, *predictions: Prediction) -> None:
    columns = columns_of(Named())
    with written_table(file, columns) as write_row:
        for one in predictions:
            write_row(columns.row(one))


@pytest.fixture(params=["parquet", "csv", "jsonl"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"predictions.{request.param}"


def test_hostile_names_of_classes_and_files_survive(file: Path) -> None:
    paths = ["a\nb.jpg", "a\rb.jpg", 'a","b.jpg', " a;\t.jpg", "=1+1.jpg", "猫.jpg"]

    write(file, *map(prediction, paths))

    rows = rows_of(file)
    assert [list(row) for row in rows] == [NAMES] * len(paths)
    assert [row["path"] for row in rows] == paths
    assert [list(row.values())[1:] for row in rows] == [["path", 0.5, *PROBABILITIES, None]] * 6


def test_path_that_is_not_utf_8_gets_backslashes(file: Path) -> None:
    write(file, prediction("k\udcfctzchen.jpg"))

    assert rows_of(file)[0]["path"] == "k\\udcfctzchen.jpg"


def test_photo_that_cannot_be_read_has_a_reason_and_nothing_else(file: Path) -> None:
    write(file, Prediction("a.jpg", error="truncated"), prediction("b.jpg"))

    broken, good = rows_of(file)
    assert [value for value in broken.values() if value is not None] == ["a.jpg", "truncated"]
    assert good["error"] is None


def test_probabilities_without_names_are_numbered(tmp_path: Path) -> None:
    class Unnamed(Named):
        class_count = 2
        classes = None

    columns = columns_of(Unnamed())

    assert columns.names == (
        *("path", "label", "confidence", "probability[0]", "probability[1]", "error"),
    )
    row = columns.row(Prediction("a.jpg", "cat", 0.75, [0.25, 0.75]))
    assert list(row.values()) == ["a.jpg", "cat", 0.75, 0.25, 0.75, None]


def test_table_appears_whole_or_not_at_all(file: Path) -> None:
    file.write_bytes(b"of before")
    columns = columns_of(Named())

    def interrupted() -> None:
        with written_table(file, columns) as write_row:
            write_row(columns.row(prediction("a.jpg")))
            assert file.read_bytes() == b"of before"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert file.read_bytes() == b"of before"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_rows_of_parquet_are_written_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_ROW_GROUP", 10)
    file = tmp_path / "predictions.parquet"

    write(file, *(prediction(f"{number}.jpg") for number in range(25)))

    stored = pq.ParquetFile(file)
    assert [stored.metadata.row_group(n).num_rows for n in range(3)] == [10, 10, 5]
    assert [row["path"] for row in rows_of(file)] == [f"{number}.jpg" for number in range(25)]


def test_folder_that_vanished_is_told(file: Path) -> None:
    gone = file.parent / "gone" / file.name

    with pytest.raises(DataError) as error:
        write(gone, prediction("a.jpg"))

    assert str(error.value) == (
        f"--output {gone}: No such file or directory; name a place that can be written to, and has "
        "room."
    )


def test_disk_that_fills_up_is_told_and_leaves_nothing(file: Path) -> None:
    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(DataError) as error:
            write(file, *(prediction(f"{number}.jpg") for number in range(1000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, signal_before)

    assert str(error.value) == (
        f"--output {file}: File too large; name a place that can be written to, and has room."
    )
    assert list(file.parent.iterdir()) == []


def test_empty_table_has_columns(file: Path) -> None:
    write(file)

    assert rows_of(file) == []
    if file.suffix == ".parquet":
        assert pq.read_schema(file).names == NAMES


@pytest.mark.parametrize("name", ["predictions", "predictions.xlsx", "predictions.csv.gz", ""])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_output(str(tmp_path / name))

    assert str(error.value) == (
        f"--output {tmp_path / name}: name a file that ends with .parquet, .csv or .jsonl."
    )


def test_file_in_no_folder_is_refused(tmp_path: Path) -> None:
    output = str(tmp_path / "gone" / "predictions.csv")

    with pytest.raises(ConfigError) as error:
        check_output(output)

    assert str(error.value) == f"--output {output}: name a file in a folder that exists."
    check_output("gs://bucket/predictions.csv")
