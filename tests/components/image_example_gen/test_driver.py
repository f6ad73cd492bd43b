"""Tests of the fingerprint that decides whether photos are those of an earlier run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from photo_files import add, encoded

from components.dataset.fingerprint import fingerprint
from components.dataset.layout import find_photos
from components.dataset.options import MAX_PIXELS
from components.dataset.survey import inspect_files
from components.image_example_gen.driver import PhotoInputProcessor


def of(data: Path) -> str:
    layout = find_photos(str(data))
    digest = fingerprint(layout, inspect_files(layout, MAX_PIXELS))
    assert PhotoInputProcessor(str(data), MAX_PIXELS).get_input_fingerprint(0, None) == digest
    return digest


def move_to_other_class(root: Path) -> None:
    (root / "cat" / "2.jpg").rename(root / "dog" / "2.jpg")


def rename_a_class(root: Path) -> None:
    (root / "cat").rename(root / "cow")


def change_content_but_not_size_or_time(root: Path) -> None:
    file = root / "cat" / "2.bmp"
    status, size = file.stat(), file.stat().st_size
    file.write_bytes(encoded(99, "BMP"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == size


def swap_two_photos(root: Path) -> None:
    first, second = root / "cat" / "1.jpg", root / "dog" / "1.jpg"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def remove_a_photo(root: Path) -> None:
    (root / "cat" / "2.jpg").unlink()


def touch_all(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, (1, 1))


def add_what_is_no_photo(root: Path) -> None:
    add(root, "cat/.DS_Store", b"")


CHANGES = {
    move_to_other_class: True,
    rename_a_class: True,
    change_content_but_not_size_or_time: True,
    swap_two_photos: True,
    remove_a_photo: True,
    touch_all: False,
    add_what_is_no_photo: False,
}


@pytest.mark.parametrize(
    ("change", "changes"), CHANGES.items(), ids=lambda value: getattr(value, "__name__", None)
)
def test_fingerprint_follows_path_label_and_content_only(
    tmp_path: Path, change: Callable[[Path], None], changes: bool
) -> None:
    for path in ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg"):
        add(tmp_path, path)
    add(tmp_path, "cat/2.bmp", encoded(5, "BMP"))
    before = of(tmp_path)

    change(tmp_path)

    assert (of(tmp_path) != before) is changes


@pytest.mark.parametrize("row", ["1.jpg,dog,train", "1.jpg,cat,val"], ids=["label", "split"])
def test_fingerprint_follows_the_manifest(tmp_path: Path, row: str) -> None:
    add(tmp_path, "1.jpg")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,label,split\n1.jpg,cat,train\n")
    before = of(tmp_path)

    manifest.write_text(f"path,label,split\n{row}\n")

    assert of(tmp_path) != before
