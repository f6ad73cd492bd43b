"""Tests of the script that makes the sample photos, and of the photos it made."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from samples import make_stamps

PHOTOS = Path(make_stamps.__file__).parent / "photos"
CLASSES = sorted(make_stamps.CLASSES)
LICENCE_FILES = {"COPYING", "COPYRIGHT"}


def write_stamp(root: Path, name: str, size: tuple[int, int] = (90, 60)) -> None:
    """Writes a stamp with a red subject of the given size in a clear frame of 10 pixels."""
    path = root / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = Image.new("RGBA", (size[0] + 20, size[1] + 20), (0, 0, 0, 0))
    box = (10, 10, size[0] + 9, size[1] + 9)
    ImageDraw.Draw(stamp).rectangle(box, fill=(200, 20, 20, 255))
    stamp.save(path)


def list_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An unpacked package with two photos and one stamp of each kind that is left out."""
    root = tmp_path / "package" / make_stamps.STAMPS_PATH
    for name in (
        "animals/birds/crow",
        "animals/birds/crow_mirror",
        "animals/birds/crow_flip",
        "animals/birds/cartoon/tux",
        "animals/birds/tucan",
        "animals/mammals/bears/toys/edward_bear",
        "food/fruit/lemon",
        "food/fruit/cartoon/pear",
        "plants/flowers/plastic/rose",
        "plants/mushrooms/cep",
        "town/flags/flag",
    ):
        write_stamp(root, name)
    (root / "food" / "fruit" / "drawing.svg").write_text("<svg/>")
    return tmp_path / "package"


def test_writes_the_photos_and_leaves_out_the_rest(package: Path, tmp_path: Path) -> None:
    counts = make_stamps.make_photos(package, tmp_path / "out")

    assert list_files(tmp_path / "out") == {"birds/crow.jpg", "food/lemon.jpg"}
    assert counts == {"birds": 1, "food": 1, "mammals": 0, "plants": 0}


def test_takes_the_stamps_folder_itself(package: Path, tmp_path: Path) -> None:
    make_stamps.make_photos(package / make_stamps.STAMPS_PATH, tmp_path / "out")

    assert list_files(tmp_path / "out") == {"birds/crow.jpg", "food/lemon.jpg"}


def test_photo_is_an_opaque_subject_on_a_plain_background(package: Path, tmp_path: Path) -> None:
    make_stamps.make_photos(package, tmp_path / "out")

    with Image.open(tmp_path / "out" / "birds" / "crow.jpg") as photo:
        assert photo.format == "JPEG"
        assert photo.mode == "RGB"
        assert photo.size == (256, 192)
        assert _distance(photo, (128, 96), (200, 20, 20)) < 8
        background = make_stamps.pick_background("crow")
        # The margin up to the edge of the subject, less one 16 pixel block that JPEG blurs.
        for point in [(x, y) for x in range(256) for y in (0, 5, 186, 191)]:
            assert _distance(photo, point, background) < 8
        for point in [(x, y) for x in (0, 3, 252, 255) for y in range(192)]:
            assert _distance(photo, point, background) < 8


def _distance(photo: Image.Image, point: tuple[int, int], colour: tuple[int, int, int]) -> int:
    pixel = photo.getpixel(point)
    assert isinstance(pixel, tuple)
    return max(abs(int(a) - b) for a, b in zip(pixel, colour, strict=True))


def test_same_stamps_give_the_same_bytes(package: Path, tmp_path: Path) -> None:
    for out in ("first", "second"):
        make_stamps.make_photos(package, tmp_path / out)

    for name in list_files(tmp_path / "first"):
        first, second = (tmp_path / out / name for out in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_too_large_a_class_keeps_the_largest_cutouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_stamps, "MAX_PER_CLASS", 2)
    for name, width in (("a", 30), ("b", 90), ("c", 60), ("d", 60)):
        write_stamp(tmp_path / "stamps", f"plants/{name}", (width, 20))

    make_stamps.make_photos(tmp_path / "stamps", tmp_path / "out")

    assert list_files(tmp_path / "out") == {"plants/b.jpg", "plants/c.jpg"}


def test_background_depends_on_the_name_only_and_varies() -> None:
    picked = [make_stamps.pick_background(f"stamp{number}") for number in range(100)]

    assert set(picked) == set(make_stamps.BACKGROUNDS)
    assert picked == [make_stamps.pick_background(f"stamp{number}") for number in range(100)]


def test_stray_faint_pixels_do_not_shrink_the_subject(tmp_path: Path) -> None:
    write_stamp(tmp_path, "stray", (40, 30))
    with Image.open(tmp_path / "stray.png") as stamp:
        stamp.putpixel((0, 0), (0, 0, 0, make_stamps.MIN_ALPHA - 1))
        stamp.save(tmp_path / "stray.png")

    assert make_stamps.load_cutout(tmp_path / "stray.png").size == (40, 30)


def test_empty_stamp_is_refused(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "empty.png")

    with pytest.raises(ValueError, match=r"empty\.png"):
        make_stamps.load_cutout(tmp_path / "empty.png")


def test_two_stamps_of_one_name_are_refused(tmp_path: Path) -> None:
    write_stamp(tmp_path / "stamps", "food/fruit/pepper")
    write_stamp(tmp_path / "stamps", "food/vegetables/pepper")

    with pytest.raises(ValueError, match="pepper"):
        make_stamps.make_photos(tmp_path / "stamps", tmp_path / "out")


def test_folder_without_stamps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="tuxpaint-stamps-default"):
        make_stamps.make_photos(tmp_path, tmp_path / "out")


def test_command_line_prints_the_counts(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_stamps.main([str(package), str(tmp_path / "out")])

    assert "birds: 1 photos" in capsys.readouterr().out.splitlines()
    assert (tmp_path / "out" / "birds" / "crow.jpg").is_file()


def test_committed_folder_holds_the_classes_and_the_licence() -> None:
    assert {path.name for path in PHOTOS.iterdir()} == {*CLASSES, *LICENCE_FILES}
    assert "GNU GENERAL PUBLIC LICENSE" in (PHOTOS / "COPYING").read_text(encoding="utf-8")


@pytest.mark.parametrize("label", CLASSES)
def test_committed_class_has_enough_rgb_jpegs_and_nothing_else(label: str) -> None:
    paths = list((PHOTOS / label).iterdir())

    assert 24 <= len(paths) <= make_stamps.MAX_PER_CLASS
    for path in paths:
        assert path.suffix == ".jpg"
        with Image.open(path) as photo:
            photo.load()
            assert (photo.format, photo.mode) == ("JPEG", "RGB")
            assert max(photo.size) == make_stamps.LONG_SIDE


@pytest.mark.parametrize("label", CLASSES)
def test_committed_class_has_no_photo_that_the_script_leaves_out(label: str) -> None:
    skipped = {
        Path(stamp).name
        for stamp in make_stamps.SKIPPED_STAMPS
        if stamp.startswith(make_stamps.CLASSES[label])
    }

    assert skipped.isdisjoint(path.stem for path in (PHOTOS / label).iterdir())


def test_committed_photos_are_small_and_all_different() -> None:
    contents = [path.read_bytes() for path in sorted(PHOTOS.glob("*/*.jpg"))]

    assert sum(map(len, contents)) < 3_000_000
    assert len({hashlib.sha256(content).digest() for content in contents}) == len(contents)


@pytest.mark.parametrize("label", CLASSES)
def test_committed_readme_states_the_counts(label: str) -> None:
    readme = (PHOTOS.parent / "README.md").read_text(encoding="utf-8")
    count = len(list((PHOTOS / label).iterdir()))

    assert f"| `{label}` | {count} |" in readme
