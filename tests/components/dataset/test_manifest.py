"""Tests of reading a manifest."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.dataset.manifest import ManifestEntry, read_manifest
from schemas.errors import DataError

ENTRIES = [ManifestEntry("a/1.jpg", "cat", "train"), ManifestEntry("b.jpg", "dog", "val")]


def refusal(file: Path) -> str:
    with pytest.raises(DataError) as error:
        read_manifest(str(file))
    return str(error.value)


CSV = {
    "plain": b"path,label,split\na/1.jpg,cat,train\nb.jpg,dog,val\n",
    "with a byte order mark": b"\xef\xbb\xbfpath,label,split\na/1.jpg,cat,train\nb.jpg,dog,val\n",
    "as Windows writes it": b"path,label,split\r\na\\1.jpg,cat,train\r\n.\\b.jpg,dog,val\r\n",
    "columns in another order, with others": (
        b"size,split,label,path\n3,train,cat,a/1.jpg\n,val,dog,b.jpg\n"
    ),
    "spaces, quotes and a blank line": (
        b'path, label, split\n"a/1.jpg", "cat", train\n\n ./b.jpg , dog,val\n'
    ),
    "a row twice": b"path,label,split\na/1.jpg,cat,train\nb.jpg,dog,val\nb.jpg,dog,val\n",
}


@pytest.mark.parametrize("content", CSV.values(), ids=CSV)
def test_csv_is_read(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(content)

    assert read_manifest(str(file)) == (str(tmp_path), ENTRIES)


def test_parquet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "m.parquet"
    table = {"path": ["a/1.jpg", "b.jpg"], "label": ["cat", "dog"], "split": ["train", "val"]}
    pq.write_table(pa.table({**table, "size": [1, 2]}), file)

    assert read_manifest(str(file)) == (str(tmp_path), ENTRIES)


def test_labels_that_are_numbers_are_names(tmp_path: Path) -> None:
    file = tmp_path / "m.parquet"
    pq.write_table(pa.table({"path": ["1.jpg", "2.jpg"], "label": [0, 1]}), file)

    _, entries = read_manifest(str(file))
    assert [entry.label for entry in entries] == ["0", "1"]


def test_names_with_commas_and_newlines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text('path,label\n"a,\nb.jpg","cat, dog"\n', newline="")

    assert read_manifest(str(file))[1] == [ManifestEntry("a,\nb.jpg", "cat, dog", "")]


WRONG = {
    "no label": (
        b"path,class\n1.jpg,cat\n",
        " has no column label (it has: path, class); the first line must be path,label or "
        "path,label,split.",
    ),
    "nothing": (
        b"",
        " has no column path and no column label (it has: none); the first line must be "
        "path,label or path,label,split.",
    ),
    "no rows": (b"path,label\n", " holds no rows; write one for each photo: path,label."),
    "empty label": (
        b"path,label\n1.jpg,cat\n2.jpg, \n",
        ", line 3: no label; complete the row or remove it.",
    ),
    "empty path": (b"path,label\n,cat\n", ", line 2: no path; complete the row or remove it."),
    "short row": (b"path,label\n1.jpg\n", ", line 2: no label; complete the row or remove it."),
    "not UTF-8": (b"path,label\n1.jpg,K\xe4tzchen\n", " is not UTF-8 text; save it as CSV UTF-8."),
}


@pytest.mark.parametrize(("content", "said"), WRONG.values(), ids=WRONG)
def test_csv_that_is_wrong_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(content)

    assert refusal(file) == f"{file}{said}"


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.parquet"
    file.write_bytes(b"PAR1 and then nothing")

    assert refusal(file) == f"{file} is no Parquet file that can be read; write it again."
    pq.write_table(pa.table({"file": ["1.jpg"], "label": [0]}), file)
    assert refusal(file).startswith(f"{file} has no column path (it has: file, label); ")
