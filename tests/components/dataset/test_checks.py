"""Tests of what is said of a data folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from photo_files import add, add_classes, encoded, file_of, noise
from PIL import Image

from components.dataset.checks import check_survey, errors, warnings
from components.dataset.options import SurveyOptions
from components.dataset.survey import survey
from schemas.errors import DataError


def refusal(folder: Path, **options: object) -> str:
    chosen = SurveyOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(DataError) as error:
        check_survey(str(folder), survey(str(folder), chosen), chosen)
    return str(error.value)


def warned(folder: Path, **options: object) -> list[str]:
    chosen = SurveyOptions(**options)  # type: ignore[arg-type]
    found = survey(str(folder), chosen)
    assert errors(str(folder), found, chosen) == []
    return warnings(found, chosen)


def test_photos_of_two_classes_are_fine(tmp_path: Path) -> None:
    for number in range(60):
        add(tmp_path, f"{'cat' if number % 2 else 'dog'}/{number}.jpg", encoded(number, size=64))

    assert warned(tmp_path) == []


def test_too_many_files_set_aside_are_refused_with_their_reasons(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog", photos=20)
    add(tmp_path, "cat/notes.JPG", b"Tom is shy.")
    add(tmp_path, "dog/empty\n.png", b"")
    warned(tmp_path)

    add(tmp_path, "dog/more.png", b"")
    assert refusal(tmp_path) == (
        f"{tmp_path}: 3 of 43 files cannot be used, more than data.max_bad_fraction = 0.05 "
        "allows; replace or remove them, or raise it: cat/notes.JPG (not a JPEG, PNG, GIF, BMP, "
        "WebP or TIFF file), 'dog/empty\\n.png' (empty), dog/more.png (empty)."
    )
    warned(tmp_path, max_bad_fraction=0.1)


def test_many_files_set_aside_are_counted_after_the_tenth(tmp_path: Path) -> None:
    for number in range(12):
        add(tmp_path, f"cat/{number:02}.jpg", b"")

    names = ", ".join(f"cat/{n:02}.jpg (empty)" for n in range(10))
    assert refusal(tmp_path).endswith(f"raise it: {names}, and 2 more.")


def test_class_of_which_no_photo_is_left_is_named(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat")
    add(tmp_path, "dog/rex.jpg", b"")

    assert refusal(tmp_path, max_bad_fraction=0.5) == (
        f"{tmp_path}: each class needs at least 2 photos, one to train and one to evaluate with, "
        "but dog has 0; add photos or remove the class folder."
    )


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat")

    assert refusal(tmp_path) == (
        f"{tmp_path} holds one class only, cat: a classifier needs photos of at least two "
        "classes, each in a folder of its own."
    )


def test_classes_with_one_photo_are_refused(tmp_path: Path) -> None:
    for path in ("bird/1.jpg", "cat/1.jpg", "cat/2.jpg", "dog/1.jpg"):
        add(tmp_path, path)

    assert refusal(tmp_path) == (
        f"{tmp_path}: each class needs at least 2 photos, one to train and one to evaluate "
        "with, but bird has 1, dog has 1; add photos or remove the class folder."
    )


def test_seed_that_leaves_a_split_empty_suggests_one_that_works(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog", "emu", photos=3)
    seed = next(s for s in range(100) if "emu in eval" in said_with(tmp_path, s))

    message = refusal(tmp_path, seed=seed)

    (other,) = map(int, re.findall(r"split\.seed=(\d+) ", message))
    assert message.endswith(
        "; add photos of it, or divide them differently with --set "
        f"split.seed={other} or --set split.strategy=stratified."
    )
    assert said_with(tmp_path, other) == ""
    warned(tmp_path, seed=seed, strategy="stratified")


def said_with(folder: Path, seed: int) -> str:
    options = SurveyOptions(seed=seed)
    return " ".join(errors(str(folder), survey(str(folder), options), options))


def test_split_that_no_seed_can_fill_suggests_the_other_strategy(tmp_path: Path) -> None:
    add_classes(tmp_path, *"abcdefgh", photos=2)

    assert refusal(tmp_path, eval_fraction=0.01).endswith(
        "h in eval; add other photos of it, or set split.strategy=stratified."
    )


def test_class_of_copies_only_is_refused(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat")
    for number in range(5):
        add(tmp_path, f"dog/{number}.jpg", encoded(77))

    message = refusal(tmp_path, strategy="stratified")

    assert message == (
        f"{tmp_path}: no photos of dog in eval; add other photos of it: copies of one picture "
        "always go together."
    )


def test_class_that_a_given_split_lacks_is_refused(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "val", "test")):
        add_classes(tmp_path / split, "cat", "dog", photos=number + 2)
    for file in (tmp_path / "val" / "dog").iterdir():
        file.write_bytes(b"")

    assert refusal(tmp_path, max_bad_fraction=0.5, duplicates="exact") == (
        f"{tmp_path}: no photos of dog in eval; add some, or take the class out of the other "
        "splits."
    )


def test_picture_under_two_labels_is_a_warning_and_many_are_refused(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog", photos=30)
    add(tmp_path, "cat/a.jpg", encoded(777))
    add(tmp_path, "dog/b.jpg", encoded(777))
    said = (
        "1 picture is under more than one label, and {}; keep each in the right class only: "
        "cat/a.jpg = dog/b.jpg."
    )
    assert said.format("left out") in warned(tmp_path)
    assert said.format("kept") in warned(tmp_path, label_conflicts="keep")

    add(tmp_path, "cat/c.jpg", encoded(778))
    add(tmp_path, "dog/d.jpg", encoded(778))
    assert refusal(tmp_path) == (
        f"{tmp_path}: 4 of 64 photos show a picture that is in another class, too, more than "
        "data.max_bad_fraction = 0.05 allows; correct their labels, or, if they only look alike, "
        "set data.duplicates=exact or data.label_conflicts=keep: cat/a.jpg = dog/b.jpg, "
        "cat/c.jpg = dog/d.jpg."
    )
    warned(tmp_path, label_conflicts="keep")


def test_copy_of_a_training_photo_in_a_given_evaluation_split_is_a_warning(
    tmp_path: Path,
) -> None:
    add_classes(tmp_path / "train", "cat", "dog")
    for number, label in enumerate(("cat", "dog")):
        add(tmp_path, f"val/{label}/1.jpg", encoded(500 + number, size=64))
    add(tmp_path, "val/cat/copy.jpg", encoded(0))

    assert (
        "1 photo to evaluate with: the same picture is in train, too, which flatters the model: "
        "val/cat/copy.jpg."
    ) in warned(tmp_path)


def test_series_that_looks_alike_is_a_warning(tmp_path: Path) -> None:
    part = noise(1, 64)
    for number in range(60):
        frame = part.copy()
        frame.putpixel((number, number), (255, 0, 0))
        add(tmp_path, f"{'ok' if number % 2 else 'scratched'}/{number}.png", file_of(frame))

    (warning,) = warned(tmp_path)

    assert warning.startswith("60 photos look alike (48 of 256 bits of their perceptual hash ")


def test_imbalance_is_a_warning(tmp_path: Path) -> None:
    for number in range(43):
        add(tmp_path, f"{'cat' if number < 40 else 'dog'}/{number}.jpg", encoded(number, size=64))

    (warning,) = warned(tmp_path, strategy="stratified")

    assert warning.startswith("cat has 40 photos and dog has 3: training counts every class ")


def test_class_that_is_divided_otherwise_than_wished_is_a_warning(tmp_path: Path) -> None:
    for number in range(210):
        add(tmp_path, f"cat/{number:03}.png", encoded(number, "PNG", 64))
        add(tmp_path, f"dog/{number:03}.png", encoded(1000 + number, "PNG", 64))
    found = survey(str(tmp_path), SurveyOptions())
    share = found.counts["cat"]["eval"] / 210
    assert abs(share - 0.2) < 0.05
    assert warnings(found, SurveyOptions()) == []

    wished = SurveyOptions(eval_fraction=share + 0.06)
    found = survey(str(tmp_path), SurveyOptions())
    assert warnings(found, wished)[0] == (
        f"{share:.0%} of the photos of cat are for evaluation, and not {share + 0.06:.0%}; "
        "split.strategy=stratified divides exactly, but may move photos between the splits when "
        "others are added."
    )


def test_tiny_photos_are_a_warning(tmp_path: Path) -> None:
    for number in range(40):
        add(tmp_path, f"{'cat' if number % 2 else 'dog'}/{number:02}.jpg", encoded(number, size=64))
    add(tmp_path, "cat/tiny.png", file_of(Image.new("RGB", (200, 63))))

    assert warned(tmp_path) == [
        "1 photo is smaller than 64 pixels, and will be blown up; replace them if larger ones "
        "exist: cat/tiny.png (200 x 63)."
    ]


def test_many_copies_of_few_pictures_are_told_what_helps(tmp_path: Path) -> None:
    """No seed parts them, and a class of hundreds is not tried with others."""
    add_classes(tmp_path, "cat", photos=40)
    for number in range(201):
        add(tmp_path, f"dog/{number:03}.png", encoded(9000 + number % 2))

    seed = next(s for s in range(100) if "dog in " in said_with(tmp_path, s))

    assert refusal(tmp_path, seed=seed).endswith(
        "; add other pictures, or set split.strategy=stratified."
    )


def test_class_that_a_given_evaluation_split_lacks_is_refused(tmp_path: Path) -> None:
    add_classes(tmp_path / "train", "cat", "dog", photos=3)
    add(tmp_path, "val/cat/1.jpg", encoded(500))

    assert refusal(tmp_path) == (
        f"{tmp_path}: no photos of dog in eval; add some, or take the class out of the other "
        "splits."
    )
