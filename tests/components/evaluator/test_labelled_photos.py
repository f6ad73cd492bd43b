"""Tests of the choice of photos that a pushed model is measured with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pipeline_runs import copy_sample

from components.dataset.options import SurveyOptions
from components.dataset.survey import Survey, survey
from components.evaluator.labelled_photos import check_comparable, photos_to_ask
from schemas.errors import ConfigError, DataError, ModelError

CLASSES = ["birds", "food", "mammals", "plants"]


def looked_at(data: Path) -> Survey:
    return survey(str(data), SurveyOptions())


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    return copy_sample(tmp_path / "folders", photos_per_class=3)


@pytest.fixture
def split_folders(tmp_path: Path) -> Path:
    """Two photos of each class in train, three in test, and no val."""
    for split, count in {"train": 2, "test": 3}.items():
        copied = copy_sample(tmp_path / "copied", photos_per_class=count)
        shutil.move(copied, tmp_path / "splits" / split)
    return tmp_path / "splits"


@pytest.fixture
def manifest(folders: Path) -> Path:
    """A table of the photos in folders: the first of each class in val, the others in train."""
    rows = [
        f"{photo},{folder.name},{'train' if number else 'validation'}"
        for folder in sorted(folders.iterdir())
        for number, photo in enumerate(sorted(folder.iterdir()))
    ]
    file = folders.parent / "table.csv"
    file.write_text("\n".join(["path,label,split", *rows]))
    return file


def test_photos_of_all_splits_are_asked_about(split_folders: Path, folders: Path) -> None:
    for data, count in ((split_folders, 20), (folders, 12)):
        found = looked_at(data)
        assert photos_to_ask(str(data), found, classes=CLASSES, split=None) == found.photos
        assert len(found.photos) == count


@pytest.mark.parametrize(("split", "count"), [("train", 8), ("test", 12)])
def test_split_has_the_name_of_its_folder(split_folders: Path, split: str, count: int) -> None:
    """Where there is no val, the survey takes test for it."""
    photos = photos_to_ask(
        str(split_folders), looked_at(split_folders), classes=CLASSES, split=split
    )

    assert len(photos) == count
    assert all(photo.path.startswith(f"{split}/") for photo in photos)


@pytest.mark.parametrize(("split", "count"), [("train", 8), ("val", 4)])
def test_split_of_a_manifest_is_train_val_or_test(manifest: Path, split: str, count: int) -> None:
    photos = photos_to_ask(str(manifest), looked_at(manifest), classes=CLASSES, split=split)

    assert len(photos) == count


def test_class_that_the_model_lacks_is_named(folders: Path) -> None:
    with pytest.raises(DataError) as raised:
        photos_to_ask(str(folders), looked_at(folders), classes=["food", "plants"], split=None)

    assert str(raised.value) == (
        f"{folders}: the model does not know the class birds, mammals, but food, plants; name the "
        "class as the model does, leave its photos out, or train a model with them."
    )


def test_class_without_photos_is_no_mistake(folders: Path) -> None:
    shutil.rmtree(folders / "food")

    assert len(photos_to_ask(str(folders), looked_at(folders), classes=CLASSES, split=None)) == 9


def test_split_that_is_not_there_is_refused(split_folders: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        photos_to_ask(str(split_folders), looked_at(split_folders), classes=CLASSES, split="val")

    assert str(raised.value) == (
        f"--split val: {split_folders} has no such split; it has test, train."
    )


def test_split_of_data_without_splits_is_refused(folders: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        photos_to_ask(str(folders), looked_at(folders), classes=CLASSES, split="test")

    assert str(raised.value) == (
        f"--split test: {folders} does not say which split a photo is in; leave --split out."
    )


def test_files_of_which_none_can_be_used_are_named(tmp_path: Path) -> None:
    for label in ("birds", "food"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.jpg").touch()

    with pytest.raises(DataError) as raised:
        photos_to_ask(str(tmp_path), looked_at(tmp_path), classes=CLASSES, split=None)

    assert str(raised.value) == (
        f"{tmp_path}: no file can be used; replace them: birds/1.jpg (empty), food/1.jpg (empty)."
    )


def test_baseline_that_lacks_a_class_is_refused() -> None:
    check_comparable(["cat", "dog"], ["dog", "bird", "cat"], "old")
    with pytest.raises(ModelError) as raised:
        check_comparable(["cat", "dog", "newt\n"], ["dog", "bird"], "old")

    assert str(raised.value) == (
        "old does not know the class cat, 'newt\\n' of the model; compare with one that knows "
        "them all."
    )
