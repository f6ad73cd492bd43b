"""Tests of what corrections make of the photos of a data folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from photo_files import add, add_classes, encoded, file_of
from PIL import Image

import samples
from components.dataset.checks import errors
from components.dataset.options import KEEP as KEEP_BOTH
from components.dataset.options import SurveyOptions
from components.dataset.splits import STRATIFIED
from components.dataset.summary import set_aside, summary
from components.dataset.survey import Survey, survey
from schemas.corrections import KEEP, LEAVE_OUT, RELABEL, Correction
from schemas.errors import DataError

PHOTO = min((samples.PHOTOS_FOLDER / "mammals").iterdir())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return add_classes(tmp_path / "photos", "cat", "dog", photos=20)


def decide(data: Path, path: str, decision: str, new_label: str = "") -> Correction:
    """Returns what is decided about a photo that is there."""
    digest = hashlib.sha256((data / path).read_bytes()).hexdigest()
    return Correction(path, digest, path.split("/", maxsplit=1)[0], decision, new_label)


def of(data: Path, *corrections: Correction, **options: object) -> Survey:
    chosen = SurveyOptions(**options)  # type: ignore[arg-type]
    found = survey(str(data), chosen, corrections=corrections)
    corrected = found.corrected
    assert {*corrected.applied} | {*corrected.unmatched} == set(corrections)
    assert not {*corrected.applied} & {*corrected.unmatched}
    # Those that are said to change nothing do not.
    less = survey(str(data), chosen, corrections=corrected.changing)
    assert (less.photos, less.left_out, less.conflicts) == (
        found.photos,
        found.left_out,
        found.conflicts,
    )
    return found


def labels(found: Survey) -> dict[str, str]:
    return {photo.path: photo.label for photo in found.photos}


def copies(data: Path, *paths: str) -> None:
    for path in paths:
        add(data, path, PHOTO.read_bytes())


def near_copies(data: Path, *paths: str) -> None:
    """Writes the same picture, each time as another file."""
    for number, path in enumerate(paths):
        add(data, path, file_of(Image.open(PHOTO), "JPEG", quality=60 + 10 * number))


def test_relabelled_photo_is_of_the_other_class_and_in_the_same_split(data: Path) -> None:
    before = {p.path: p.split for p in of(data).photos}
    corrections = [decide(data, f"cat/{n:03}.jpg", RELABEL, "dog") for n in range(10)]

    found = of(data, *corrections)

    assert {labels(found)[one.path] for one in corrections} == {"dog"}
    assert {p.path: p.split for p in found.photos} == before
    assert {before[one.path] for one in corrections} == {"train", "eval"}
    assert {p.path: p.was for p in found.photos if p.was} == {c.path: "cat" for c in corrections}
    assert sum(found.counts["dog"].values()) == 30
    assert found.corrected.changing == tuple(corrections)


def test_photo_that_is_left_out_is_set_aside_with_the_reason(data: Path) -> None:
    found = of(data, decide(data, "cat/003.jpg", LEAVE_OUT))

    assert "cat/003.jpg" not in labels(found)
    assert len(found.photos) == 39
    assert [(p.path, p.reason) for p in set_aside(found, SurveyOptions())] == [
        ("cat/003.jpg", "left out by a correction")
    ]


def test_photos_that_are_left_out_are_no_bad_files(data: Path) -> None:
    corrections = [decide(data, f"cat/{number:03}.jpg", LEAVE_OUT) for number in range(10)]
    add(data, "dog/empty.jpg", b"")

    assert errors("photos", of(data, *corrections), SurveyOptions(max_bad_fraction=0.025)) == []


def test_label_that_is_right_changes_nothing(data: Path) -> None:
    kept = decide(data, "cat/003.jpg", KEEP)

    found = of(data, kept)

    assert found.photos == of(data).photos
    assert (found.corrected.applied, found.corrected.changing) == ((kept,), ())


def test_correction_follows_a_renamed_file_and_spares_another_under_its_path(data: Path) -> None:
    relabelled = decide(data, "cat/003.jpg", RELABEL, "dog")
    left_out = decide(data, "cat/004.jpg", LEAVE_OUT)
    for number in (3, 4):
        file = data / "cat" / f"00{number}.jpg"
        file.rename(data / "cat" / f"renamed {number}.jpg")
        file.write_bytes(encoded(5000 + number))

    found = of(data, relabelled, left_out)

    assert labels(found)["cat/renamed 3.jpg"] == "dog"
    assert (labels(found)["cat/003.jpg"], labels(found)["cat/004.jpg"]) == ("cat", "cat")
    assert [photo.path for photo in found.left_out] == ["cat/renamed 4.jpg"]


@pytest.mark.parametrize(("decision", "new_label"), [(KEEP, ""), (RELABEL, "dog")])
def test_photo_that_was_moved_to_a_third_class_since_stays_there(
    data: Path, decision: str, new_label: str
) -> None:
    decided = decide(data, "cat/003.jpg", decision, new_label)
    add_classes(data, "cat", "dog", "emu")
    (data / "cat" / "003.jpg").rename(data / "emu" / "moved.jpg")

    found = of(data, decided)

    assert labels(found)["emu/moved.jpg"] == "emu"
    assert found.corrected.unmatched == (decided,)


def test_photo_that_was_moved_to_its_new_class_since_is_left_there(data: Path) -> None:
    decided = decide(data, "cat/003.jpg", RELABEL, "dog")
    (data / "cat" / "003.jpg").rename(data / "dog" / "moved.jpg")

    found = of(data, decided)

    assert labels(found)["dog/moved.jpg"] == "dog"
    assert (found.corrected.applied, found.corrected.changing) == ((decided,), ())


def test_correction_of_a_photo_that_is_gone_is_counted(data: Path) -> None:
    gone = decide(data, "cat/003.jpg", RELABEL, "no such class")
    (data / "cat" / "003.jpg").unlink()

    assert of(data, gone).corrected.unmatched == (gone,)


def test_class_that_the_data_lack_is_named_with_those_there_are(data: Path) -> None:
    with pytest.raises(DataError) as error:
        of(data, decide(data, "cat/003.jpg", RELABEL, "dgo"))

    assert str(error.value) == (
        "The correction of cat/003.jpg gives it the label dgo, but the classes of the data are "
        "cat, dog; give it one of these, or take the correction out of the file."
    )


@pytest.mark.parametrize(("decision", "new_label"), [(LEAVE_OUT, ""), (RELABEL, "dog")])
def test_class_with_too_few_photos_after_corrections_is_named(
    data: Path, decision: str, new_label: str
) -> None:
    paths = [f"cat/{number:03}.jpg" for number in range(20)]
    corrections = [decide(data, path, decision, new_label) for path in paths]

    found = of(data, *corrections)

    assert errors("photos", found, SurveyOptions()) == [
        "photos: each class needs at least 2 photos, one to train and one to evaluate with, but "
        "cat has 0; take corrections back, add photos or remove the class folder."
    ]


@pytest.mark.parametrize(
    ("path", "decision", "new_label", "right"),
    [
        ("cat/a.jpg", KEEP, "", "cat"),
        ("dog/b.jpg", KEEP, "", "dog"),
        ("dog/b.jpg", RELABEL, "cat", "cat"),
    ],
)
@pytest.mark.parametrize("write", [copies, near_copies])
@pytest.mark.parametrize("conflicts", [LEAVE_OUT, KEEP_BOTH])
def test_decision_about_one_of_two_conflicting_copies_settles_their_label(
    data: Path, path: str, decision: str, new_label: str, right: str, write: object, conflicts: str
) -> None:
    write(data, "cat/a.jpg", "dog/b.jpg")  # type: ignore[operator]
    settles = write is copies or conflicts == LEAVE_OUT or decision == RELABEL
    assert of(data, label_conflicts=conflicts).conflicts

    decided = decide(data, path, decision, new_label)
    found = of(data, decided, label_conflicts=conflicts)

    if settles:
        assert found.conflicts == []
        assert (labels(found)["cat/a.jpg"], labels(found)["dog/b.jpg"]) == (right, right)
        assert found.corrected.changing == (decided,)
    else:
        # Who keeps pictures under both labels has each under its own.
        assert found.conflicts
        assert (labels(found)["cat/a.jpg"], labels(found)["dog/b.jpg"]) == ("cat", "dog")


def test_copy_that_is_left_out_leaves_the_other(data: Path) -> None:
    copies(data, "cat/a.jpg", "dog/b.jpg")

    found = of(data, decide(data, "dog/b.jpg", LEAVE_OUT))

    assert found.conflicts == []
    assert labels(found)["cat/a.jpg"] == "cat"
    assert [photo.path for photo in found.left_out] == ["dog/b.jpg"]


def test_pictures_that_only_look_alike_are_both_used_when_both_are_decided(data: Path) -> None:
    near_copies(data, "cat/a.jpg", "dog/b.jpg")
    both = [decide(data, "cat/a.jpg", KEEP), decide(data, "dog/b.jpg", KEEP)]

    found = of(data, *both)

    assert found.conflicts == []
    assert (labels(found)["cat/a.jpg"], labels(found)["dog/b.jpg"]) == ("cat", "dog")
    assert found.corrected.changing == tuple(both)


def test_decisions_that_contradict_each_other_settle_nothing(data: Path) -> None:
    near_copies(data, "cat/a.jpg", "dog/b.jpg", "dog/c.jpg")
    both = [decide(data, "cat/a.jpg", KEEP), decide(data, "dog/b.jpg", KEEP)]

    found = of(data, *both)

    assert [[p.path for p in photos] for photos in found.conflicts] == [
        ["cat/a.jpg", "dog/b.jpg", "dog/c.jpg"]
    ]


def test_all_copies_of_a_file_have_the_decided_label(data: Path) -> None:
    copies(data, "cat/a.jpg", "cat/b.jpg")

    found = of(data, decide(data, "cat/b.jpg", RELABEL, "dog"))

    assert (labels(found)["cat/a.jpg"], labels(found)["cat/b.jpg"]) == ("dog", "dog")


def test_renamed_copy_that_was_left_out_is_told_from_one_that_was_decided(data: Path) -> None:
    copies(data, "cat/a.jpg", "cat/b.jpg")
    decided = [decide(data, "cat/a.jpg", KEEP), decide(data, "cat/b.jpg", LEAVE_OUT)]
    (data / "cat" / "b.jpg").rename(data / "cat" / "0.jpg")
    assert [photo.path for photo in of(data, *decided).left_out] == ["cat/0.jpg"]

    (data / "cat" / "0.jpg").unlink()

    found = of(data, *decided)
    assert labels(found)["cat/a.jpg"] == "cat"
    assert found.corrected.unmatched == (decided[1],)


def test_renamed_copy_is_looked_for_in_the_class_it_was_decided_in(data: Path) -> None:
    copies(data, "cat/a.jpg", "dog/b.jpg")
    left_out = decide(data, "dog/b.jpg", LEAVE_OUT)
    (data / "dog" / "b.jpg").rename(data / "dog" / "c.jpg")

    assert [photo.path for photo in of(data, left_out).left_out] == ["dog/c.jpg"]


def test_path_that_a_manifest_holds_twice_is_one_file(data: Path) -> None:
    copies(data, "cat/a.jpg")
    rows = [f"{file.relative_to(data)},{file.parent.name}" for file in data.rglob("*.jpg")]
    (data / "manifest.csv").write_text("\n".join(["path,label", "cat/a.jpg,dog", *rows]))
    assert len(of(data).conflicts) == 1

    left_out = of(data, decide(data, "cat/a.jpg", LEAVE_OUT))
    assert sorted(photo.label for photo in left_out.left_out) == ["cat", "dog"]
    assert "cat/a.jpg" not in labels(left_out)
    kept = of(data, decide(data, "cat/a.jpg", KEEP))
    assert [p.label for p in kept.photos if p.path == "cat/a.jpg"] == ["cat", "cat"]


def test_stratified_split_counts_the_corrected_classes(data: Path) -> None:
    corrections = [decide(data, f"cat/{number:03}.jpg", RELABEL, "dog") for number in range(10)]

    found = of(data, *corrections, strategy=STRATIFIED, eval_fraction=0.2)

    assert found.counts == {"cat": {"train": 8, "eval": 2}, "dog": {"train": 24, "eval": 6}}


def test_given_split_is_kept(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "val")):
        for label in ("cat", "dog"):
            for photo in range(3):
                content = encoded(1000 * number + photo + 50 * (label == "dog"))
                add(tmp_path, f"{split}/{label}/{photo}.jpg", content)
    digest = hashlib.sha256((tmp_path / "val" / "cat" / "0.jpg").read_bytes()).hexdigest()
    relabelled = Correction("val/cat/0.jpg", digest, "cat", RELABEL, "dog")

    found = of(tmp_path, relabelled)

    assert {p.path: (p.label, p.split) for p in found.photos}["val/cat/0.jpg"] == ("dog", "eval")


def test_summary_lists_what_was_relabelled(data: Path) -> None:
    found = of(data, decide(data, "cat/003.jpg", RELABEL, "dog"))

    assert summary(str(data), found, SurveyOptions())["relabelled"] == [
        {"path": "cat/003.jpg", "class": "dog", "was": "cat"}
    ]
