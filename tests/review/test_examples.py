"""Tests of finding the photos of a run, and their files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from made_store import MadeStore
from pipeline_runs import PipelineRuns
from placed_artifacts import run_named
from record_files import example, record

from review.examples import ExamplePhotos, ExampleSet, examples_behind, examples_of_run
from review.history import History
from review.photos import Photo
from review.store import opened
from schemas.features import EVAL, TRAIN

TABLE = "path,label,split,sha256\nok/1.jpg,ok,train,aa\nok/2.jpg,ok,eval,bb\n"


@pytest.fixture(scope="module")
def history(first_run: tuple[PipelineRuns, dict[str, str]]) -> Iterator[History]:
    output = first_run[0].output
    with opened(output) as store:
        yield History(store, output.root)


@pytest.fixture(scope="module")
def found(history: History) -> ExampleSet:
    run = run_named(history, "first")
    examples = examples_of_run(history, run)
    assert examples is not None
    return examples


def test_file_of_each_photo_is_read_and_others_are_not(
    history: History, found: ExampleSet, first_run: tuple[PipelineRuns, dict[str, str]]
) -> None:
    folder = first_run[0].data.parent / "pristine"
    with closing(ExamplePhotos(history.files)) as reader:
        files = {photo.path: reader.content(found.artifact, photo) for photo in found.photos}
        first = found.photos[0]
        assert reader.content(found.artifact, Photo("gone.jpg", "ok", TRAIN, "")) is None
        assert reader.content(found.artifact, Photo(first.path, "ok", "../..", "")) is None

    assert len(files) == 64
    digests = {photo.path: photo.sha256 for photo in found.photos}
    for path, content in files.items():
        assert content is not None
        assert digests[path] == hashlib.sha256((folder / path).read_bytes()).hexdigest()
        kept = digests[path] == hashlib.sha256(content).hexdigest()
        # Two were stored in a way that TensorFlow does not decode as Pillow does.
        assert kept or content.startswith(b"\x89PNG")
    converted = [p for p, c in files.items() if digests[p] != hashlib.sha256(c or b"").hexdigest()]
    assert sorted(Path(path).parent.name for path in converted) == ["plants", "plants"]


def test_photos_are_told_by_split_and_by_content(found: ExampleSet) -> None:
    train, evaluation = found.of_split(TRAIN), found.of_split(EVAL)

    assert len(train) + len(evaluation) == len(found.photos)
    assert train
    assert evaluation
    assert found.find(train[3].sha256) == train[3]
    assert found.find("00") is None


def test_examples_of_transform_lead_to_the_photos_behind_them(
    history: History, found: ExampleSet
) -> None:
    run = run_named(history, "first")
    transform = run.execution_of("Transform")
    assert transform is not None

    (transformed,) = transform.outputs["transformed_examples"]

    assert examples_behind(history, transformed) == found


@pytest.mark.parametrize(
    "table",
    [None, "", "path\nok/1.jpg\n", "a,b\n1,2\n", TABLE + "ok/3.jpg,ok\n", "\0", "path,label\n\xff"],
)
def test_photos_that_are_not_recorded_are_none(tmp_path: Path, table: str | None) -> None:
    made = MadeStore(tmp_path)
    files = {} if table is None else {"photos.csv": table}
    outputs = {
        "examples": made.artifact("Examples", "examples", {}),
        "quarantine": made.artifact("Quarantine", "quarantine", files),
    }
    examples, _ = made.execution("one", "ImageExampleGen", outputs=outputs)
    with opened(made.output) as store:
        history = History(store, tmp_path)
        found = examples_behind(history, examples)

    assert found is None


def test_examples_of_others_have_no_photos_of_ours(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    (theirs,) = made.execution(
        "one", "CsvExampleGen", outputs={"examples": made.artifact("Examples", "examples", {})}
    )
    with opened(made.output) as store:
        history = History(store, tmp_path)
        (run,) = history.read(history.runs())

        assert examples_of_run(history, run) is None
        assert examples_behind(history, theirs) is None
        assert examples_behind(history, 999) is None


def test_indexes_that_were_not_used_for_long_are_closed(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    artifact = made.artifact("Examples", "examples", {})
    photos = []
    for number in range(20):
        photo = Photo("ok/1.jpg", "ok", f"s{number}", "aa")
        folder = Path(artifact.uri) / f"Split-{photo.split}"
        folder.mkdir()
        stored = example(path=b"ok/1.jpg", image=photo.split.encode())
        (folder / "data").write_bytes(record(stored))
        photos.append(photo)
    made.execution("one", "ImageExampleGen", outputs={"examples": artifact})
    with opened(made.output) as store:
        history = History(store, tmp_path)
        (examples,) = history.all_artifacts()
        with closing(ExamplePhotos(history.files)) as reader:
            before = _open_files()
            for _ in range(3):
                for photo in photos:
                    assert reader.content(examples, photo) == photo.split.encode()
            assert _open_files() - before <= 12


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
