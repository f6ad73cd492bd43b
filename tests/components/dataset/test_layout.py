"""Tests of finding the photos of a data folder, their classes and given splits."""

from __future__ import annotations

import os
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from photo_files import add, encoded, nobody, public_folder

from components.dataset.layout import (
    CLASS_FOLDERS,
    MANIFEST,
    SPLIT_FOLDERS,
    LabelledFile,
    find_photos,
)
from schemas import features
from schemas.errors import DataError


def paths(folder: Path | str) -> list[str]:
    return [labelled.file.path for labelled in find_photos(str(folder)).files]


def labels_and_splits(folder: Path | str) -> dict[str, tuple[str, str]]:
    return {f.file.path: (f.label, f.split) for f in find_photos(str(folder)).files}


def refusal(folder: Path | str) -> str:
    """Returns what a data folder is refused with."""
    with pytest.raises(DataError) as error:
        find_photos(str(folder))
    return str(error.value)


@pytest.fixture
def public() -> Iterator[Path]:
    with public_folder() as folder:
        yield folder


FOUND = {
    "plain": "cat/tom.jpg",
    "nested": "cat/indoors/sofa/tom.png",
    "upper case": "cat/TOM.JPEG",
    "spaces": "cat/tom on the sofa.jpg",
    "unicode": "Kätzchen/ärger 猫.jpg",
    "newline": "two\nlines/a\nb.jpg",
    "quotes": "cat/'\"<b>.jpg",
    "leading dash": "cat/-rf.jpg",
    "not decoded, but meant to be a photo": "cat/tom.HEIC",
}


@pytest.mark.parametrize("path", FOUND.values(), ids=FOUND)
def test_photo_is_found_with_its_class(tmp_path: Path, path: str) -> None:
    add(tmp_path, path)

    layout = find_photos(str(tmp_path))

    assert layout.kind == CLASS_FOLDERS
    assert labels_and_splits(tmp_path) == {path: (path.split("/", maxsplit=1)[0], "")}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_image_without_suffix_is_found_by_its_content(tmp_path: Path, kind: str) -> None:
    add(tmp_path, "cat/tom", encoded(kind=kind))

    assert paths(tmp_path) == ["cat/tom"]


IGNORED = {
    "hidden file": "cat/.tom.jpg",
    "hidden folder": "cat/.thumbnails/tom.jpg",
    "hidden class": ".git/tom.jpg",
    "Windows thumbnails": "cat/Thumbs.db",
    "folder of a Mac archive": "cat/__MACOSX/tom.jpg",
    "class of a Mac archive": "__MACOSX/tom.jpg",
    "loose photo beside classes": "loose.jpg",
}


@pytest.mark.parametrize("path", IGNORED.values(), ids=IGNORED)
def test_what_is_no_photo_of_a_class_is_ignored(tmp_path: Path, path: str) -> None:
    add(tmp_path, "cat/tom.jpg")
    add(tmp_path, path)

    assert paths(tmp_path) == ["cat/tom.jpg"]


def test_other_files_in_a_class_are_ignored(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    add(tmp_path, "cat/notes.txt", b"Tom is shy.")
    add(tmp_path, "cat/empty", b"")
    add(tmp_path, "cat/sound", b"RIFF....WAVEfmt ")

    assert paths(tmp_path) == ["cat/tom.jpg"]


def test_pipe_and_dead_link_that_are_named_like_photos_are_reported(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    (tmp_path / "cat" / "gone.jpg").symlink_to(tmp_path / "gone.jpg")

    troubles = {f.file.path: f.file.trouble for f in find_photos(str(tmp_path)).files}

    assert troubles == {
        "cat/gone.jpg": "does not exist",
        "cat/pipe.jpg": "not a regular file",
        "cat/tom.jpg": "",
    }


@pytest.mark.parametrize("target", ["cat", ".", "..", "dog", "cat/again"])
def test_link_that_leads_back_into_the_data_folder_is_not_followed(
    tmp_path: Path, target: str
) -> None:
    data = tmp_path / "data"
    add(data, "cat/tom.jpg")
    add(data, "dog/rex.jpg")
    (data / "cat" / "again").symlink_to(data / target)
    (data / "alias").symlink_to(data / "cat")

    assert paths(data) == ["cat/tom.jpg", "dog/rex.jpg"]


def test_folder_that_two_links_lead_to_is_followed_once(tmp_path: Path) -> None:
    photo = add(tmp_path, "elsewhere/tom.jpg")
    data = tmp_path / "data"
    add(data, "cat/1.jpg")
    for name in ("a", "b"):
        (data / "cat" / name).symlink_to(photo.parent)

    assert paths(data) == ["cat/1.jpg", "cat/a/tom.jpg"]


def test_link_to_a_photo_and_class_folder_that_is_a_link_are_followed(tmp_path: Path) -> None:
    photo = add(tmp_path, "elsewhere/tom.jpg")
    data = tmp_path / "data"
    add(data, "dog/rex.jpg")
    (data / "dog" / "tom.jpg").symlink_to(photo)
    (data / "cat").symlink_to(photo.parent)

    assert paths(data) == ["cat/tom.jpg", "dog/rex.jpg", "dog/tom.jpg"]


def test_class_folder_that_is_a_link_to_itself_is_no_class(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    (tmp_path / "dog").symlink_to(tmp_path / "dog")

    assert paths(tmp_path) == ["cat/tom.jpg"]


def test_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    wanted = [f"{label}/{number}.jpg" for label in "ab" for number in range(5)]
    for path in random.Random(3).sample(wanted, len(wanted)):
        add(tmp_path, path)

    assert paths(tmp_path) == wanted


NAMES = [
    ("train", "val", "test"),
    ("Training", "Validation", "Testing"),
    ("train", "eval", "test"),
    ("TRAIN", "valid", "TEST"),
]


@pytest.mark.parametrize("names", NAMES)
def test_given_splits_are_kept(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for name in names:
        for label in ("cat", "dog"):
            add(tmp_path, f"{name}/{label}/deep/1.jpg")

    assert find_photos(str(tmp_path)).kind == SPLIT_FOLDERS
    assert labels_and_splits(tmp_path) == {
        f"{name}/{label}/deep/1.jpg": (label, split)
        for name, split in zip(names, (features.TRAIN, features.EVAL, features.TEST), strict=True)
        for label in ("cat", "dog")
    }


def test_test_set_without_a_validation_set_is_evaluated_with(tmp_path: Path) -> None:
    add(tmp_path, "train/cat/1.jpg")
    add(tmp_path, "test/cat/2.jpg")

    assert labels_and_splits(tmp_path) == {
        "test/cat/2.jpg": ("cat", features.EVAL),
        "train/cat/1.jpg": ("cat", features.TRAIN),
    }


@pytest.mark.parametrize(
    "classes", [("train", "bus"), ("train", "test"), ("train", "training"), ("val", "test")]
)
def test_classes_that_are_named_like_splits_are_classes(
    tmp_path: Path, classes: tuple[str, str]
) -> None:
    for label in classes:
        add(tmp_path, f"{label}/1.jpg")

    assert find_photos(str(tmp_path)).kind == CLASS_FOLDERS
    assert labels_and_splits(tmp_path) == {f"{c}/1.jpg": (c, "") for c in sorted(classes)}


def test_split_folders_without_photos_are_refused(tmp_path: Path) -> None:
    for name in ("train", "val"):
        (tmp_path / name / "cat").mkdir(parents=True)

    assert refusal(tmp_path) == (
        f"No photos in the folders train, val of {tmp_path}; put the photos of each class in a "
        "folder with the name of the class, such as train/cat."
    )


@pytest.mark.parametrize("named", ["manifest.csv", ""], ids=["by its name", "in its folder"])
def test_manifest_says_class_and_split(tmp_path: Path, named: str) -> None:
    add(tmp_path, "a/1.jpg")
    add(tmp_path, "b 2.jpg")
    (tmp_path / "manifest.csv").write_text("path,label,split\na/1.jpg,cat,train\nb 2.jpg,dog,val\n")

    layout = find_photos(str(tmp_path / named))

    assert layout.kind == MANIFEST
    assert [(f.file.path, f.label, f.split, f.file.trouble) for f in layout.files] == [
        ("a/1.jpg", "cat", features.TRAIN, ""),
        ("b 2.jpg", "dog", features.EVAL, ""),
    ]


def test_manifest_may_name_photos_elsewhere_and_some_that_are_gone(tmp_path: Path) -> None:
    photo = add(tmp_path, "elsewhere/1.jpg")
    manifest = tmp_path / "photos" / "labels.csv"
    manifest.parent.mkdir()
    manifest.write_text(f"path,label\n{photo},cat\ngone.jpg,dog\n../elsewhere/1.jpg,bird\n")

    files = find_photos(str(manifest)).files

    assert [(f.file.path, f.label, f.file.trouble) for f in files] == [
        ("../elsewhere/1.jpg", "bird", ""),
        (str(photo), "cat", ""),
        ("gone.jpg", "dog", "does not exist"),
    ]


def test_manifest_with_some_splits_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,label,split\n1.jpg,cat,train\n2.jpg,cat,\n")

    assert refusal(manifest) == (
        f"{manifest} gives some photos a split, but not 2.jpg; give each one, or none."
    )


def test_manifest_with_an_unknown_split_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,label,split\n1.jpg,cat,holdout\n")

    assert refusal(manifest) == f"{manifest} holds the split holdout; write train, val or test."


@pytest.mark.parametrize("inner", ["", "my photos/"], ids=["at its root", "in a folder of it"])
def test_archive_is_read_like_the_folder_it_holds(tmp_path: Path, inner: str) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in ("cat/1.jpg", "dog/2.jpg", "__MACOSX/cat/._1.jpg"):
            file.writestr(inner + path, encoded(sum(path.encode())))

    layout = find_photos(str(archive))

    assert [f.file.path for f in layout.files] == ["cat/1.jpg", "dog/2.jpg"]
    content = (Path(layout.root) / "cat/1.jpg").read_bytes()
    assert content == encoded(sum(b"cat/1.jpg"))


def test_archive_of_a_manifest_is_read_like_its_folder(tmp_path: Path) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("photos/1.jpg", encoded())
        file.writestr("photos/manifest.csv", "path,label\n1.jpg,cat\n")

    assert labels_and_splits(archive) == {"1.jpg": ("cat", "")}


def test_place_that_only_tensorflow_reads() -> None:
    """`ram://` is the one remote file system that needs no network."""
    import tensorflow as tf

    root = f"ram://{uuid4().hex}/photos"  # It stays until the process ends.
    for path in ("cat/deep/1.jpg", "dog/2.jpg", "dog/.hidden.jpg", "loose.jpg"):
        tf.io.gfile.makedirs(f"{root}/{path}".rsplit("/", 1)[0])
        with tf.io.gfile.GFile(f"{root}/{path}", "wb") as stream:
            stream.write(encoded())

    layout = find_photos(root)

    assert layout.root == root
    assert layout.files == [
        LabelledFile(file, label)
        for file, label in zip((f.file for f in layout.files), ("cat", "dog"), strict=True)
    ]
    assert [f.file.path for f in layout.files] == ["cat/deep/1.jpg", "dog/2.jpg"]
    assert {f.file.size for f in layout.files} == {len(encoded())}
    assert refusal(f"{root}/nowhere").startswith(f"{root}/nowhere does not exist; name ")


WANTED = "name the folder that holds the class folders, a manifest or an archive."


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "photos"

    assert refusal(missing) == f"{missing} does not exist; {WANTED}"


def test_file_that_is_no_manifest_or_archive_is_refused(tmp_path: Path) -> None:
    file = add(tmp_path, "tom.jpg")

    assert refusal(file) == (
        f"{file} is a file; name a folder, a manifest (.csv, .parquet) or an archive (.zip, .tar, "
        ".tar.gz, .tgz, .tar.bz2, .tar.xz)."
    )


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path} holds no class folders; put the photos of each class in a folder with the "
        f"name of the class, such as {tmp_path / 'cat'}."
    )


@pytest.mark.parametrize("other", [None, "cat"], ids=["alone", "with an empty class folder"])
def test_loose_photos_are_refused(tmp_path: Path, other: str | None) -> None:
    add(tmp_path, "tom.jpg")
    if other:
        (tmp_path / other).mkdir()

    assert refusal(tmp_path) == (
        f"The photos in {tmp_path} lie in no class folder; move those of each class into a "
        f"folder with the name of the class, such as {tmp_path / 'cat'}."
    )


def test_class_folders_without_any_photo_are_refused(tmp_path: Path) -> None:
    for name in ("cat", "a\nb"):
        (tmp_path / name).mkdir()

    assert refusal(tmp_path) == (
        f"No photos in the class folders of {tmp_path} ('a\\nb', cat); put JPEG, PNG, GIF, BMP, "
        "WebP or TIFF files there."
    )


def test_empty_class_folders_among_others_are_refused(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    for name in ("bird", "dog"):
        (tmp_path / name).mkdir()

    assert refusal(tmp_path) == (
        f"{tmp_path}: no photos in the class folder bird, dog; add photos or remove the folder."
    )


def test_class_whose_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    add(Path(os.fsdecode(folder)), "1.jpg")

    assert refusal(tmp_path) == f"{folder!r}: the name is not UTF-8; rename it."


def test_data_folder_whose_own_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """TFX keeps the path as UTF-8, so that a run fails once everything is imported."""
    folder = tmp_path / "photos \udcff"
    add(folder, "cat/tom.jpg")

    assert refusal(folder) == f"{os.fsencode(folder)!r}: the name is not UTF-8; rename it."


def test_folder_name_too_long_for_the_file_system_is_refused(tmp_path: Path) -> None:
    name = tmp_path / ("x" * 300)

    assert refusal(name).startswith(f"{name}")


def test_message_about_a_folder_with_a_newline_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "my\nphotos"
    folder.mkdir()

    assert "\n" not in refusal(folder)


@pytest.mark.parametrize("secret", ["cat/indoors", "cat"])
def test_folder_that_may_not_be_read_is_refused(public: Path, secret: str) -> None:
    for path in ("cat/rex.jpg", "cat/indoors/tom.jpg"):
        add(public, path)
    for entry in public.rglob("*"):
        entry.chmod(0o755)
    (public / secret).chmod(0)

    with nobody():
        message = refusal(public)

    assert message == f"{public / secret}: Permission denied; make the folder readable."


@pytest.mark.parametrize("below", ["", "photos"], ids=["data folder", "folder above it"])
def test_data_folder_that_may_not_be_read_is_refused(public: Path, below: str) -> None:
    closed = public / "closed"
    add(closed / below, "cat/tom.jpg")
    closed.chmod(0)

    with nobody():
        message = refusal(closed / below)

    assert message.startswith(f"{closed / below}: Permission denied; ")
