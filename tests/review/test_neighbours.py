"""Tests of finding the training photos that look most like a photo."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from made_store import MadeStore
from pipeline_runs import PipelineRuns
from placed_artifacts import opened_at_first
from record_files import example, record

from review import neighbours
from review.history import History
from review.neighbours import EmbeddedPhotos, Neighbours, embedded_photos
from review.photos import Photo
from review.store import opened
from schemas.features import EVAL, TRAIN

Vectors = dict[str, list[float]]

TRAINED: Vectors = {
    "ok/1": [1, 0],
    "ok/2": [10, 1],
    "ok/3": [1, 1],
    "bad/4": [0, 7],
    "bad/5": [-1, 0],
    "bad/6": [-1, -1],
}
ASKED: Vectors = {"ok/7": [2, 0], "bad/8": [0, 1]}


def digest(path: str) -> bytes:
    # Copies show the same.
    return path.removesuffix("-copy").encode().ljust(32, b"\0")


def row(path: str, vector: list[float]) -> bytes:
    raw = np.array(vector, np.float32).tobytes()
    return record(example(digest=digest(path), embedding=raw, activations=b"\0" * 1000))


@contextmanager
def run_with(
    root: Path, trained: Vectors, asked: Vectors, *, table: str | None = None
) -> Iterator[tuple[EmbeddedPhotos | None, Neighbours]]:
    """Makes a run, with what it embedded."""
    made = MadeStore(root)
    photos = [(path, TRAIN) for path in trained] + [(path, EVAL) for path in asked]
    rows = [f"{path},{path.split('/')[0]},{split}" for path, split in photos]
    photo_table = "\n".join(["path,label,split,sha256", *(f"{r},{n}" for n, r in enumerate(rows))])
    listed = [f"{r},{digest(path).hex()}" for r, (path, _) in zip(rows, photos, strict=True)]
    if table is None:
        table = "\n".join(["path,label,split,digest", *listed])
    embeddings = made.artifact("Embeddings", "embeddings", {})
    for split, vectors in ((TRAIN, trained), (EVAL, asked)):
        folder = Path(embeddings.uri, f"Split-{split}")
        folder.mkdir()
        for view in ("00", "01"):
            # A changed view looks like nothing.
            content = [row(p, v if view == "00" else [0, 0]) for p, v in vectors.items()]
            (folder / f"view-{view}-00000-of-00001.tfrecord").write_bytes(b"".join(content))
    outputs = {
        "examples": made.artifact("Examples", "examples", {}),
        "quarantine": made.artifact("Quarantine", "quarantine", {"photos.csv": photo_table}),
    }
    examples, _ = made.execution("one", "ImageExampleGen", outputs=outputs)
    (embedded,) = made.execution(
        "one", "Embedder", inputs={"examples": examples}, outputs={"embeddings": embeddings}
    )
    suspicions = made.artifact("LabelSuspicions", "suspicions", {"embedded.csv": table})
    made.execution(
        "one",
        "LabelReview",
        inputs={"examples": examples, "embeddings": embedded},
        outputs={"suspicions": suspicions},
    )
    with opened(made.output) as store:
        history = History(store, root)
        (run,) = history.read(history.runs())
        with closing(Neighbours(history.files)) as found:
            yield embedded_photos(history, run), found


def nearest(
    found: Neighbours, embedded: EmbeddedPhotos | None, path: str, count: int = 5
) -> list[tuple[str, float]]:
    assert embedded is not None
    (photo,) = (one for one in embedded.digests if one.path == path)
    near = found.nearest(embedded, photo, count)
    assert all(neighbour.photo.split == TRAIN for neighbour in near)
    return [(neighbour.photo.path, round(neighbour.similarity, 3)) for neighbour in near]


@pytest.mark.parametrize("kept", [10**9, 0])
@pytest.mark.parametrize("at_a_time", [1, 1024])
def test_training_photos_are_told_by_the_angle_between_embeddings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, at_a_time: int
) -> None:
    monkeypatch.setattr(neighbours, "_MOST_KEPT", kept)
    monkeypatch.setattr(neighbours, "_ROWS_AT_A_TIME", at_a_time)
    with run_with(tmp_path, TRAINED, ASKED) as (embedded, found):
        for _ in range(2):
            near = nearest(found, embedded, "ok/7")
            assert near == [
                ("ok/1", 1.0),
                ("ok/2", 0.995),
                ("ok/3", 0.707),
                ("bad/4", 0.0),
                ("bad/6", -0.707),
            ]
            assert nearest(found, embedded, "bad/8", 1) == [("bad/4", 1.0)]
            assert nearest(found, embedded, "bad/8", 0) == []


def test_training_photo_is_not_its_own_neighbour_but_its_copy_is(tmp_path: Path) -> None:
    trained = TRAINED | {"ok/1-copy": [1, 0]}
    with run_with(tmp_path, trained, ASKED) as (embedded, found):
        assert nearest(found, embedded, "ok/1", 2) == [("ok/1-copy", 1.0), ("ok/2", 0.995)]
        assert nearest(found, embedded, "ok/7", 3) == [
            ("ok/1", 1.0),
            ("ok/1-copy", 1.0),
            ("ok/2", 0.995),
        ]


def test_rows_that_cannot_be_compared_are_left_out(tmp_path: Path) -> None:
    odd: Vectors = {
        "ok/a": [0, 0],
        "ok/b": [float("nan"), 1],
        "ok/c": [float("inf"), 1],
        "ok/d": [1, 2, 3],
        "ok/e": [],
        "ok/f": [1.0] * 20_000,
    }
    with run_with(tmp_path, {"ok/1": [1, 0]} | odd, ASKED | {"ok/9": [0, 0]}) as (embedded, found):
        assert nearest(found, embedded, "ok/7") == [("ok/1", 1.0)]
        assert nearest(found, embedded, "ok/9") == []
        assert nearest(found, embedded, "ok/b") == []


def test_photo_of_another_run_has_no_neighbours(tmp_path: Path) -> None:
    with run_with(tmp_path, TRAINED, ASKED) as (embedded, found):
        assert embedded is not None
        assert found.nearest(embedded, Photo("ok/7", "ok", EVAL, "other")) == []


@pytest.mark.parametrize(
    "table", ["", "\0", "a,b\n1,2\n", "path,label,split,digest\nok/7,ok\nok/1,ok,train,xyz\n"]
)
def test_embeddings_of_which_photos_are_not_recorded_are_none(tmp_path: Path, table: str) -> None:
    with run_with(tmp_path, TRAINED, ASKED, table=table) as (embedded, _):
        assert embedded is None


def test_threads_get_the_same(tmp_path: Path) -> None:
    answers = []
    with run_with(tmp_path, TRAINED, ASKED) as (embedded, found):

        def ask() -> None:
            answers.extend(tuple(nearest(found, embedded, path)) for path in ASKED)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(answers) == 16
    assert len(set(answers)) == 2


def test_neighbours_in_a_real_run_are_the_most_similar(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    from components.embedder.artifact import read_embeddings

    with opened_at_first(first_run[0]) as (history, run):
        embedded = embedded_photos(history, run)
        assert embedded is not None
        with closing(Neighbours(history.files)) as found:
            asked = [photo for photo in embedded.digests if photo.split == EVAL]
            near = {photo: found.nearest(embedded, photo) for photo in asked}

    vectors = {
        split: dict(read_embeddings(embedded.embeddings.uri, split)) for split in (TRAIN, EVAL)
    }
    assert len(embedded.digests) == 64
    for photo, neighbours_of_photo in near.items():
        wanted = vectors[EVAL][embedded.digests[photo]].astype(np.float64)
        cosines = sorted(
            (
                float(v @ wanted / np.linalg.norm(v) / np.linalg.norm(wanted))
                for v in vectors[TRAIN].values()
            ),
            reverse=True,
        )
        similarities = [neighbour.similarity for neighbour in neighbours_of_photo]
        assert similarities == pytest.approx(cosines[:5], abs=1e-5)
    same = [n.photo.label == photo.label for photo, five in near.items() for n in five]
    assert np.mean(same) > 0.7
