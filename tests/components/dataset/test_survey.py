"""Tests of looking at every photo of a data folder."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from harmed_decoder import TIFF, harmed_script
from photo_files import add, add_classes, encoded, file_of, nobody, noise, public_folder
from PIL import Image
from waiting import wait_for_tick

import samples
from components.dataset import image_file, index
from components.dataset import survey as module
from components.dataset.image_file import Inspection
from components.dataset.layout import find_photos
from components.dataset.options import EXACT, KEEP, SurveyOptions
from components.dataset.splits import STRATIFIED
from components.dataset.survey import Problem, Survey, inspect_files, survey
from decoding.limited import LimitedDecoder
from schemas import features

PHOTO = min((samples.PHOTOS_FOLDER / "mammals").iterdir())


def of(folder: Path, **options: object) -> Survey:
    return survey(str(folder), SurveyOptions(**options))  # type: ignore[arg-type]


def splits(found: Survey) -> dict[str, str]:
    return {photo.path: photo.split for photo in found.photos}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the paths of the files that are read, as they are."""
    seen: list[str] = []

    def read_bytes(path: str) -> bytes:
        seen.append(path)
        return Path(path).read_bytes()

    monkeypatch.setattr(module, "read_bytes", read_bytes)
    return seen


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the index remember files at once; who changes them waits for a tick of the clock."""
    monkeypatch.setattr(index, "_SETTLED_SECONDS", -1.0)


def test_photos_problems_and_counts(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog", photos=20)
    add(tmp_path, "cat/empty.jpg", b"")
    add(tmp_path, "bird/text.jpg", b"no photo")

    found = of(tmp_path)

    assert len(found.photos) == 40
    assert [(p.path, p.label, p.reason, p.size) for p in found.problems] == [
        ("bird/text.jpg", "bird", "not a JPEG, PNG, GIF, BMP, WebP or TIFF file", 8),
        ("cat/empty.jpg", "cat", "empty", 0),
    ]
    assert found.counts["bird"] == {features.TRAIN: 0, features.EVAL: 0}
    counted = Counter((photo.label, photo.split) for photo in found.photos)
    assert found.counts["cat"] == {s: counted["cat", s] for s in ("train", "eval")}
    assert {photo.split for photo in found.photos} == {features.TRAIN, features.EVAL}


def test_file_that_may_not_be_read_is_a_problem() -> None:
    with public_folder() as folder:
        add_classes(folder, "cat", "dog")
        for entry in folder.rglob("*"):
            entry.chmod(0o755)
        (folder / "cat" / "003.jpg").chmod(0)

        with nobody():
            (problem,) = of(folder).problems

    size = len(encoded(3))
    assert problem == Problem("cat/003.jpg", "cat", "permission denied", size, "")


def test_name_that_is_not_utf8_is_a_problem(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat")
    name = os.fsdecode(os.fsencode(tmp_path / "cat") + b"/to\xffm.jpg")
    Path(name).write_bytes(encoded())

    (problem,) = of(tmp_path).problems

    assert problem == Problem(
        "cat/to\\udcffm.jpg", "cat", "the name is not UTF-8", len(encoded()), ""
    )


@pytest.mark.usefixtures("settled")
def test_unchanged_files_are_read_once(tmp_path: Path, reads: list[str]) -> None:
    add_classes(tmp_path, "cat", "dog")
    first = of(tmp_path)
    assert len(reads) == 20

    reads.clear()
    assert of(tmp_path) == first
    assert reads == []

    (tmp_path / "cat" / "001.jpg").write_bytes(encoded(77))
    (tmp_path / "cat" / "002.jpg").rename(tmp_path / "cat" / "new.jpg")
    (tmp_path / "cat" / "003.jpg").touch()
    second = of(tmp_path)
    assert sorted(Path(path).name for path in reads) == ["001.jpg", "003.jpg", "new.jpg"]
    changed = {p.path: p.digest for p in first.photos} != {p.path: p.digest for p in second.photos}
    assert changed


def test_file_that_has_just_changed_is_read_again(tmp_path: Path, reads: list[str]) -> None:
    """It could change once more within a tick of the clock, and keep its stamp."""
    add_classes(tmp_path, "cat", "dog")

    of(tmp_path)
    of(tmp_path)

    assert len(reads) == 40


@pytest.mark.usefixtures("settled")
def test_file_that_could_not_be_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file keeps its stamp."""
    add_classes(tmp_path, "cat", "dog")
    wait_for_tick(tmp_path)

    def read_bytes(path: str) -> bytes:
        if path.endswith("cat/003.jpg"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return Path(path).read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr(module, "read_bytes", read_bytes)
        (problem,) = of(tmp_path).problems

    assert problem.reason == "input/output error"
    assert of(tmp_path).problems == []


# Looks at two photos, one of which takes more memory than is left.
WITH_LITTLE_MEMORY = """
import resource, sys
from components.dataset.options import SurveyOptions
from components.dataset.survey import survey
options = SurveyOptions(max_pixels=10**9)
survey(sys.argv[1], options)  # Loads what is needed.
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 90_000_000, resource.RLIM_INFINITY))
(problem,) = survey(sys.argv[2], options).problems
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(problem.path, problem.reason, len(survey(sys.argv[2], options).problems), sep="|")
"""


def test_photo_that_takes_more_memory_than_there_is_is_named_and_tried_again(
    tmp_path: Path,
) -> None:
    add_classes(tmp_path / "small", "cat", "dog")
    shutil.copytree(tmp_path / "small", tmp_path / "photos")
    plain = Image.new("RGB", (7000, 7000))
    add(tmp_path / "photos", "cat/large.png", file_of(plain, compress_level=1))
    command = [sys.executable, "-c", WITH_LITTLE_MEMORY, tmp_path / "small", tmp_path / "photos"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "cat/large.png|takes more memory than there is|0\n"


def test_photo_that_only_lacks_memory_beside_others_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_classes(tmp_path, "cat", "dog")
    inspect, failed = module.inspect, []

    def crowded(content: bytes, max_pixels: int) -> Inspection:
        if not failed:
            failed.append(content)
            raise MemoryError
        return inspect(content, max_pixels)

    monkeypatch.setattr(module, "inspect", crowded)
    counts: list[int] = []
    layout = find_photos(str(tmp_path))

    found = inspect_files(layout, 10**9, counts.append)

    assert [one.problem for one in found] == [""] * 20
    assert (len(failed), sum(counts)) == (1, 20)


@pytest.mark.usefixtures("settled")
def test_content_that_changes_under_the_same_time_and_size_is_seen(tmp_path: Path) -> None:
    add(tmp_path, "cat/1.bmp", encoded(1, "BMP"))
    (before,) = of(tmp_path).photos
    wait_for_tick(tmp_path)
    file = tmp_path / "cat" / "1.bmp"
    status = file.stat()
    file.write_bytes(encoded(2, "BMP"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size

    (after,) = of(tmp_path).photos

    assert before.digest != after.digest


@pytest.mark.usefixtures("settled")
def test_photo_that_harms_its_decoder_is_set_aside_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    """Real processes, and a real pool of threads; a killed one may be the machine's fault."""
    decoder = LimitedDecoder(script=harmed_script(tmp_path))
    monkeypatch.setattr(image_file, "shared_decoder", lambda: decoder)
    photos = add_classes(tmp_path / "photos", "cat", "dog", photos=3)
    for name in ("crashes", "eats memory", "is killed"):
        add(photos, f"cat/{name}.tiff", TIFF + name.encode())
    add(photos, "dog/whole.tiff", encoded(77, "TIFF"))
    wait_for_tick(photos)

    found, seen = of(photos), len(reads)
    of(photos)
    decoder.close()

    assert {problem.path: problem.reason for problem in found.problems} == {
        "cat/crashes.tiff": "its decoder crashed",
        "cat/eats memory.tiff": "its decoder ran out of memory",
        "cat/is killed.tiff": "its decoder was killed",
    }
    assert len(found.photos) == 7
    assert reads[seen:] == [str(photos / "cat" / "is killed.tiff")]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("trouble", ["no folder", "no database"])
def test_index_that_cannot_be_used_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    add_classes(tmp_path / "photos", "cat", "dog")
    cache = tmp_path / "cache"
    if trouble == "no folder":
        cache.write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    first = of(tmp_path / "photos")
    for database in cache.rglob("*.sqlite"):
        database.write_bytes(b"no database" * 1000)

    assert of(tmp_path / "photos") == first


def test_progress_counts_every_file(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog")
    steps: list[int] = []

    inspect_files(find_photos(str(tmp_path)), 10**6, steps.append)

    assert sum(steps) == 20


def test_copies_are_one_group_and_one_split(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog", photos=20)
    photo = Image.open(PHOTO)
    add(tmp_path, "cat/a.jpg", PHOTO.read_bytes())
    add(tmp_path, "cat/b.png", file_of(photo.resize((photo.width // 2, photo.height // 2))))
    add(tmp_path, "cat/c.jpg", file_of(photo, "JPEG", quality=40))

    found = of(tmp_path)

    assert [[p.path for p in group] for group in found.duplicates] == [
        ["cat/a.jpg", "cat/b.png", "cat/c.jpg"]
    ]
    assert len({p.split for p in found.duplicates[0]}) == 1
    assert of(tmp_path, duplicates=EXACT).duplicates == []


def test_picture_under_two_labels_is_left_out(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog", photos=20)
    add(tmp_path, "cat/a.jpg", PHOTO.read_bytes())
    add(tmp_path, "dog/b.jpg", file_of(Image.open(PHOTO), "JPEG", quality=40))

    found = of(tmp_path)

    assert [[p.path for p in group] for group in found.conflicts] == [["cat/a.jpg", "dog/b.jpg"]]
    assert len(found.photos) == 40
    kept = of(tmp_path, label_conflicts=KEEP)
    assert kept.conflicts
    assert len(kept.photos) == 42
    assert len({splits(kept)[path] for path in ("cat/a.jpg", "dog/b.jpg")}) == 1


def test_adding_renaming_and_relabelling_moves_no_photo_out_of_evaluation(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", photos=40)
    before = {p.digest: p.split for p in of(tmp_path).photos}
    for number in range(40, 80):
        add(tmp_path, f"bird/{number}.jpg", encoded(5000 + number))
    (tmp_path / "cat" / "000.jpg").rename(tmp_path / "cat" / "zero.jpg")
    (tmp_path / "cat" / "001.jpg").rename(tmp_path / "bird" / "1.jpg")

    after = {p.digest: p.split for p in of(tmp_path).photos}

    assert set(before.values()) == {features.TRAIN, features.EVAL}
    assert len(after) == 80
    assert before.items() <= after.items()


def test_stratified_strategy_has_exact_shares(tmp_path: Path) -> None:
    add_classes(tmp_path, "cat", "dog", photos=20)

    found = of(tmp_path, strategy=STRATIFIED, eval_fraction=0.25)

    assert found.counts == {c: {"train": 15, "eval": 5} for c in ("cat", "dog")}


@pytest.mark.parametrize("names", [("train", "val"), ("train", "val", "test")])
def test_given_splits_are_kept_and_what_is_in_two_of_them_is_told(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for number, name in enumerate(names):
        for label in ("cat", "dog"):
            for photo in range(3):
                content = encoded(1000 * number + photo + 50 * (label == "dog"))
                add(tmp_path, f"{name}/{label}/{photo}.jpg", content)
    add(tmp_path, "val/cat/copy.jpg", encoded(0))

    found = of(tmp_path)

    assert list(found.buckets) == ["train", "eval", "test"][: len(names)]
    assert {p.path.split("/")[0]: p.split for p in found.photos} == dict(
        zip(names, found.buckets, strict=True)
    )
    assert [photo.path for photo in found.straddling] == ["val/cat/copy.jpg"]


def test_noise_is_no_duplicate_of_other_noise(tmp_path: Path) -> None:
    """What the other tests build on."""
    add(tmp_path, "cat/1.png", file_of(noise(1)))
    add(tmp_path, "cat/2.png", file_of(noise(2)))

    assert of(tmp_path).duplicates == []
