"""Finding the photos of a folder that has no classes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from photo_files import add, encoded

from components.batch_predict.photos import check_photos, photos_below
from schemas.errors import DataError


def test_photos_are_found_in_the_order_of_their_paths_hidden_ones_passed_over(
    tmp_path: Path,
) -> None:
    for path in ("b.jpg", "a/2.png", "a/1.jpg", "a.jpg", "a/b/c/3.TIFF", "z"):
        add(tmp_path, path)
    for path in (".hidden.jpg", ".cache/4.jpg", "a/Thumbs.db", "a/notes.txt"):
        add(tmp_path, path, b"text")

    found = [*photos_below(str(tmp_path))]

    paths = [photo.path for photo in found]
    assert paths == ["a.jpg", "a/1.jpg", "a/2.png", "a/b/c/3.TIFF", "b.jpg", "z"]
    assert paths == sorted(paths)
    assert [photo.place for photo in found] == [str(tmp_path / path) for path in paths]


def test_what_is_no_regular_file_keeps_its_trouble(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")

    found = {photo.path: photo.trouble for photo in photos_below(str(tmp_path))}

    assert found == {"gone.jpg": "does not exist", "pipe.jpg": "not a regular file"}


@pytest.mark.slow
def test_photos_of_a_remote_place_are_found(tmp_path: Path) -> None:
    import tensorflow as tf

    root = f"ram://{tmp_path.name}"
    tf.io.gfile.makedirs(f"{root}/in/a")
    for path in ("b.jpg", "a/1.jpg", ".c.jpg"):
        with tf.io.gfile.GFile(f"{root}/in/{path}", "wb") as file:
            file.write(encoded())

    found = [(photo.path, photo.place) for photo in photos_below(f"{root}/in")]

    assert found == [("b.jpg", f"{root}/in/b.jpg"), ("a/1.jpg", f"{root}/in/a/1.jpg")]


def test_folder_without_photos_is_refused(tmp_path: Path) -> None:
    add(tmp_path, "notes.txt", b"text")

    with pytest.raises(DataError) as error:
        check_photos(str(tmp_path))

    assert str(error.value) == (
        f"{tmp_path} holds no photos; name a folder with JPEG, PNG, GIF, BMP, WebP or TIFF files "
        "in it or in folders below it."
    )


def test_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        check_photos(str(tmp_path / "nowhere"))

    assert str(error.value) == f"{tmp_path / 'nowhere'} does not exist; name a folder of photos."
