"""Tests of finding, fingerprinting and dividing the photos of a data folder."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import random
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from components.image_example_gen.photos import (
    Problem,
    check_photos,
    eval_buckets,
    fingerprint,
    photo_paths,
    read_photos,
    split_key,
    split_of,
)
from PIL import Image

from schemas import features
from schemas.errors import DataError

NOBODY = 65534


def encoded(seed: int = 0, kind: str = "JPEG", size: int = 8) -> bytes:
    """Returns a small photo of noise; another seed gives other bytes."""
    noise = random.Random(seed).randbytes(size * size * 3)
    stream = io.BytesIO()
    Image.frombytes("RGB", (size, size), noise).save(stream, kind)
    return stream.getvalue()


def add(root: Path, path: str, content: bytes | None = None) -> Path:
    """Writes a file below a folder, by default a photo that depends on the path only."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(sum(path.encode())) if content is None else content)
    return file


def refusal(folder: Path | str) -> str:
    """Returns what a data folder is refused with."""
    with pytest.raises(DataError) as error:
        read_photos(str(folder))
    return str(error.value)


def check(folder: Path, *, eval_fraction: float = 0.2, seed: int = 42) -> None:
    """Applies `check_photos` to all photos of a folder."""
    check_photos(str(folder), read_photos(str(folder)), eval_fraction=eval_fraction, seed=seed)


@contextmanager
def nobody() -> Iterator[None]:
    """Gives up root's right to read everything, for the time of a test."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users can read, which pytest's own temporary folders are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with nobody():
            readable = os.access(name, os.R_OK | os.X_OK, effective_ids=True)
        if not readable:
            pytest.skip(f"{name} cannot be opened to another user")
        yield Path(name)
        for folder, folders, _ in os.walk(name):
            for below in folders:
                Path(folder, below).chmod(0o755)


FOUND = {
    "plain": "cat/tom.jpg",
    "nested": "cat/indoors/sofa/tom.png",
    "upper case": "cat/TOM.JPEG",
    "spaces": "cat/tom on the sofa.jpg",
    "unicode": "Kätzchen/ärger 猫.jpg",
    "newline": "two\nlines/a\nb.jpg",
    "quotes": "cat/'\"<b>.jpg",
    "leading dash": "cat/-rf.jpg",
}


@pytest.mark.parametrize("path", FOUND.values(), ids=FOUND)
def test_photo_is_found_with_its_class_and_content(tmp_path: Path, path: str) -> None:
    add(tmp_path, path)

    (photo,) = read_photos(str(tmp_path)).photos
    assert photo.path == path
    assert photo.label == path.split("/", maxsplit=1)[0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_image_without_suffix_is_found_by_its_content(tmp_path: Path, kind: str) -> None:
    add(tmp_path, "cat/tom", encoded(kind=kind))

    assert photo_paths(str(tmp_path)) == ["cat/tom"]


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

    assert photo_paths(str(tmp_path)) == ["cat/tom.jpg"]


def test_other_files_in_a_class_are_ignored(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    add(tmp_path, "cat/notes.txt", b"Tom is shy.")
    add(tmp_path, "cat/empty", b"")
    add(tmp_path, "cat/sound", b"RIFF....WAVEfmt ")
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    (tmp_path / "cat" / "gone.jpg").symlink_to(tmp_path / "gone.jpg")

    assert photo_paths(str(tmp_path)) == ["cat/tom.jpg"]


def test_link_to_a_folder_in_a_circle_is_not_followed(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")

    assert photo_paths(str(tmp_path)) == ["cat/tom.jpg"]


def test_link_to_a_photo_and_class_folder_that_is_a_link_are_followed(tmp_path: Path) -> None:
    photo = add(tmp_path, "elsewhere/tom.jpg")
    data = tmp_path / "data"
    add(data, "dog/rex.jpg")
    (data / "dog" / "tom.jpg").symlink_to(photo)
    (data / "cat").symlink_to(photo.parent)

    assert photo_paths(str(data)) == ["cat/tom.jpg", "dog/rex.jpg", "dog/tom.jpg"]


def test_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    paths = [f"{label}/{number}.jpg" for label in "ab" for number in range(5)]
    for path in random.Random(3).sample(paths, len(paths)):
        add(tmp_path, path)

    assert photo_paths(str(tmp_path)) == paths


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "photos"

    assert refusal(missing) == (
        f"{missing} does not exist; name the folder that holds the class folders."
    )


def test_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    file = add(tmp_path, "tom.jpg")

    assert refusal(file) == f"{file} is a file; name the folder that holds the class folders."


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path} holds no class folders; put the photos of each class into a folder "
        f"with the name of the class, such as {tmp_path / 'cat'}."
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
        f"No photos in the class folders of {tmp_path} ('a\\nb', cat); put JPEG, PNG, GIF, BMP "
        "or WebP files there."
    )


def test_empty_class_folders_among_others_are_refused(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    for name in ("bird", "dog"):
        (tmp_path / name).mkdir()

    assert refusal(tmp_path) == (
        f"{tmp_path}: no photos in the class folder bird, dog; add photos or remove the folder."
    )


def bomb() -> bytes:
    """Returns a small PNG that claims to be 20,000 pixels wide and high."""
    content = bytearray(encoded(kind="PNG"))
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


PROBLEMS = {
    "empty": (b"", "empty"),
    "text": (b"Tom is shy.", "not a JPEG, PNG, GIF, BMP or WebP file"),
    "magic alone": (b"\x89PNG\r\n\x1a\n", "damaged header"),
    "header of a JPEG cut off": (encoded()[:60], "damaged header"),
    "bomb": (bomb(), "more than data.max_pixels"),
    "large": (encoded(7, size=65), "65 x 65 pixels, more than data.max_pixels"),
}


def test_photo_of_a_format_that_is_not_decoded_is_set_aside(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    add(tmp_path, "cat/scan.TIF", encoded(kind="TIFF"))

    (problem,) = read_photos(str(tmp_path)).problems
    assert problem.path == "cat/scan.TIF"
    assert problem.reason == "not a JPEG, PNG, GIF, BMP or WebP file"


@pytest.mark.parametrize(("content", "reason"), PROBLEMS.values(), ids=PROBLEMS)
def test_file_that_cannot_be_used_is_set_aside(tmp_path: Path, content: bytes, reason: str) -> None:
    add(tmp_path, "cat/tom.jpg")
    add(tmp_path, "dog/re\nx.JPG", content)

    listing = read_photos(str(tmp_path), max_pixels=64 * 64)

    assert [photo.path for photo in listing.photos] == ["cat/tom.jpg"]
    digest = hashlib.sha256(content).hexdigest()
    assert listing.problems == [Problem("dog/re\nx.JPG", "dog", digest, reason, len(content))]


def test_photo_with_as_many_pixels_as_allowed_is_used(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg", encoded(7, size=64))

    assert len(read_photos(str(tmp_path), max_pixels=64 * 64).photos) == 1


def test_too_many_files_set_aside_are_refused_with_their_reasons(tmp_path: Path) -> None:
    for number in range(40):
        add(tmp_path, f"{'cat' if number % 2 else 'dog'}/{number}.jpg", encoded(number))
    add(tmp_path, "cat/notes.JPG", b"Tom is shy.")
    add(tmp_path, "dog/empty\n.png", b"")
    check(tmp_path)

    add(tmp_path, "dog/more.png", b"")
    with pytest.raises(DataError) as error:
        check(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: 3 of 43 files cannot be used, more than data.max_bad_fraction = 0.05 "
        "allows; replace or remove them, or raise it: cat/notes.JPG (not a JPEG, PNG, GIF, BMP "
        "or WebP file), 'dog/empty\\n.png' (empty), dog/more.png (empty)."
    )


def test_many_files_set_aside_are_counted_after_the_tenth(tmp_path: Path) -> None:
    for number in range(12):
        add(tmp_path, f"cat/{number:02}.jpg", b"")

    with pytest.raises(DataError) as error:
        check(tmp_path)
    names = ", ".join(f"cat/{n:02}.jpg (empty)" for n in range(10))
    assert str(error.value).endswith(f"raise it: {names}, and 2 more.")


def test_class_of_which_no_photo_is_left_is_named(tmp_path: Path) -> None:
    for number in range(10):
        add(tmp_path, f"cat/{number}.jpg", encoded(number))
    add(tmp_path, "dog/rex.jpg", b"")

    with pytest.raises(DataError) as error:
        check_photos(
            str(tmp_path),
            read_photos(str(tmp_path)),
            eval_fraction=0.5,
            seed=42,
            max_bad_fraction=0.5,
        )
    assert str(error.value) == (
        f"{tmp_path}: each class needs at least 2 photos, one to train and one to evaluate with, "
        "but dog has 0; add photos or remove the class folder."
    )


@pytest.mark.parametrize("name", [b"to\xffm.jpg", b"\xff"], ids=["photo", "folder"])
def test_name_that_is_not_utf8_is_refused(tmp_path: Path, name: bytes) -> None:
    add(tmp_path, "cat/tom.jpg")
    path = os.fsencode(tmp_path / "cat") + b"/" + name
    Path(os.fsdecode(path)).write_bytes(encoded())

    assert refusal(tmp_path) == f"{path!r}: the name is not UTF-8; rename it."


def test_data_folder_whose_own_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """TFX keeps the path as UTF-8, so that a run fails once everything is imported."""
    folder = tmp_path / "photos \udcff"
    add(folder, "cat/tom.jpg")

    assert refusal(folder) == f"{os.fsencode(folder)!r}: the name is not UTF-8; rename it."


def test_class_folder_that_is_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    add(tmp_path, "cat/tom.jpg")
    (tmp_path / "dog").symlink_to(tmp_path / "dog")

    assert refusal(tmp_path).startswith(f"{tmp_path / 'dog'}: ")


def test_folder_name_too_long_for_the_file_system_is_refused(tmp_path: Path) -> None:
    name = tmp_path / ("x" * 300)

    assert refusal(name).startswith(f"{name}")


def test_message_about_a_folder_with_a_newline_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "my\nphotos"
    folder.mkdir()

    assert "\n" not in refusal(folder)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("cat/tom.jpg", "Permission denied; make the photo readable or remove it."),
        ("cat/tom", "Permission denied; make it readable or remove it."),
        ("cat/indoors", "Permission denied; make the folder readable."),
        ("cat", "Permission denied; make the folder readable."),
    ],
    ids=["photo", "file without suffix", "nested folder", "class folder"],
)
def test_what_may_not_be_read_is_refused(public: Path, secret: str, said: str) -> None:
    for path in ("cat/rex.jpg", "cat/tom.jpg", "cat/tom", "cat/indoors/tom.jpg"):
        add(public, path)
    for entry in public.rglob("*"):
        entry.chmod(0o755)
    (public / secret).chmod(0)

    with nobody():
        message = refusal(public)

    assert message == f"{public / secret}: {said}"


@pytest.mark.parametrize("below", ["", "photos"], ids=["data folder", "folder above it"])
def test_data_folder_that_may_not_be_read_is_refused(public: Path, below: str) -> None:
    closed = public / "closed"
    add(closed / below, "cat/tom.jpg")
    closed.chmod(0)

    with nobody():
        message = refusal(closed / below)

    assert message.startswith(f"{closed / below}: Permission denied; ")


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    for number in range(5):
        add(tmp_path, f"cat/{number}.jpg")

    with pytest.raises(DataError) as error:
        check(tmp_path)

    assert str(error.value) == (
        f"{tmp_path} holds one class only, cat: a classifier needs photos of at least two "
        "classes, each in a folder of its own."
    )


def test_classes_with_one_photo_are_refused(tmp_path: Path) -> None:
    for path in ("bird/1.jpg", "cat/1.jpg", "cat/2.jpg", "dog/1.jpg"):
        add(tmp_path, path)

    with pytest.raises(DataError) as error:
        check(tmp_path)

    assert str(error.value) == (
        f"{tmp_path}: each class needs at least 2 photos, one to train and one to evaluate "
        "with, but bird has 1, dog has 1; add photos or remove the class folder."
    )


def test_seed_that_leaves_a_split_empty_suggests_one_that_works(tmp_path: Path) -> None:
    for label, number in itertools.product(("cat", "dog"), range(4)):
        add(tmp_path, f"{label}/{number}.jpg", encoded(number + 10 * (label == "cat")))

    with pytest.raises(DataError) as error:
        check(tmp_path, seed=42)

    message = str(error.value)
    (seed,) = map(int, re.findall(r"split\.seed=(\d+)\.$", message))
    assert message == (
        f"{tmp_path}: no photos of cat in eval, dog in eval; add photos of it, or divide them "
        f"differently with --set split.seed={seed}."
    )
    check(tmp_path, seed=seed)


def test_split_that_no_seed_can_fill_suggests_another_share(tmp_path: Path) -> None:
    for label, number in itertools.product("abcdefgh", range(2)):
        add(tmp_path, f"{label}/{number}.jpg", encoded(number + 2 * ord(label)))

    with pytest.raises(DataError) as error:
        check(tmp_path, eval_fraction=0.01)

    assert str(error.value).endswith(
        "h in eval; add other photos of it, or set split.eval_fraction nearer to 0.5."
    )


@pytest.mark.parametrize("eval_fraction", [0.01, 0.2, 0.5, 0.9])
def test_split_agrees_with_tfx_for_many_digests(eval_fraction: float) -> None:
    import tensorflow as tf
    from google.protobuf import json_format
    from tfx.components.example_gen.base_example_gen_executor import _PartitionFn
    from tfx.proto import example_gen_pb2

    from components.image_example_gen.component import ImageExampleGen

    component = ImageExampleGen("photos", eval_fraction=eval_fraction, split_seed=7)
    output = example_gen_pb2.Output()
    json_format.Parse(component.exec_properties["output_config"], output)
    splits = output.split_config.splits
    buckets = list(itertools.accumulate(split.hash_buckets for split in splits))
    draw = random.Random(11)
    for _ in range(5000):
        digest = draw.randbytes(32).hex()
        example = tf.train.Example()
        example.features.feature[features.SPLIT_KEY].bytes_list.value.append(
            split_key(digest, 7).encode()
        )
        chosen = _PartitionFn(example, len(splits), buckets, output.split_config)
        assert split_of(digest, 7, eval_buckets(eval_fraction)) == splits[chosen].name


def test_share_of_evaluation_photos_is_near_what_was_asked() -> None:
    draw = random.Random(5)
    splits = [split_of(draw.randbytes(32).hex(), 42, eval_buckets(0.2)) for _ in range(10_000)]

    # Four standard deviations of a binomial: 4 * sqrt(0.2 * 0.8 / 10,000) = 0.016.
    assert splits.count(features.EVAL) / len(splits) == pytest.approx(0.2, abs=0.016)


def test_another_seed_divides_differently() -> None:
    digests = [random.Random(number).randbytes(32).hex() for number in range(100)]
    first, second = ([split_of(digest, seed, 200) for digest in digests] for seed in (1, 2))

    assert first != second


def test_adding_renaming_and_relabelling_photos_moves_none_to_the_other_split(
    tmp_path: Path,
) -> None:
    def splits() -> dict[str, str]:
        photos = read_photos(str(tmp_path)).photos
        return {photo.digest: split_of(photo.digest, 42, 200) for photo in photos}

    for number in range(40):
        add(tmp_path, f"cat/{number}.jpg", encoded(number))
    before = splits()
    for number in range(40, 80):
        add(tmp_path, f"bird/{number}.jpg", encoded(number))
    (tmp_path / "cat" / "0.jpg").rename(tmp_path / "cat" / "zero.jpg")
    (tmp_path / "cat" / "1.jpg").rename(tmp_path / "bird" / "1.jpg")

    after = splits()
    assert set(before.values()) == {features.TRAIN, features.EVAL}
    assert len(after) == 80
    assert before.items() <= after.items()


def test_copies_of_a_photo_lie_in_one_split(tmp_path: Path) -> None:
    for number in range(20):
        add(tmp_path, f"cat/{number}.jpg", encoded(1))

    assert len({split_of(p.digest, 42, 500) for p in read_photos(str(tmp_path)).photos}) == 1


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


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        (move_to_other_class, True),
        (rename_a_class, True),
        (change_content_but_not_size_or_time, True),
        (swap_two_photos, True),
        (remove_a_photo, True),
        (touch_all, False),
        (add_what_is_no_photo, False),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_fingerprint_follows_path_and_content_only(
    tmp_path: Path, change: object, changes: bool
) -> None:
    for path in ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg"):
        add(tmp_path, path)
    add(tmp_path, "cat/2.bmp", encoded(5, "BMP"))
    before = fingerprint(read_photos(str(tmp_path)))

    assert callable(change)
    change(tmp_path)

    assert (fingerprint(read_photos(str(tmp_path))) != before) is changes
