"""Classifying a folder on this machine with a model that a run pushed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from photo_files import add, file_of, noise
from pipeline_runs import copy_sample

from components.batch_predict.local import predict_here
from components.batch_predict.summary import Summary
from components.serving.classification import NO_IMAGE, Photo, classified
from components.serving.pushed_model import PushedModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(pushed_model: Path) -> PushedModel:
    return PushedModel(pushed_model)


def test_every_photo_has_the_row_that_it_gets_alone(model: PushedModel, tmp_path: Path) -> None:
    photos = copy_sample(tmp_path / "photos", photos_per_class=11)
    told: list[None] = []
    output = tmp_path / "predictions.parquet"

    summary = predict_here(model, str(photos), output=output, on_photo=lambda: told.append(None))

    rows = pq.read_table(output).to_pylist()
    paths = sorted(str(path.relative_to(photos)) for path in photos.rglob("*.jpg"))
    assert [row["path"] for row in rows] == paths
    assert (summary, len(told)) == (Summary(44, 0), 44)
    for row in rows[::7]:
        (alone,) = classified([Photo("alone", str(photos / row["path"]))], model)
        assert isinstance(alone.probabilities, dict)
        assert row["label"] == alone.label
        # In a batch, sums are taken in another order.
        assert row["confidence"] == pytest.approx(alone.confidence, abs=1e-5)
        found = [row[f"probability:{name}"] for name in alone.probabilities]
        assert found == pytest.approx([*alone.probabilities.values()], abs=1e-5)


def test_broken_and_strange_files_are_listed_and_stop_nothing(
    model: PushedModel, tmp_path: Path
) -> None:
    photo = next(copy_sample(tmp_path / "sample", photos_per_class=1).rglob("*.jpg"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("good.jpg", "two\nlines.jpg", "k\udcfctzchen.jpg", "a,b;c.jpg"):
        shutil.copy(photo, folder / name)
    add(folder, "cut.jpg", photo.read_bytes()[:300])
    add(folder, "empty.jpg", b"")
    add(folder, "large.tiff", file_of(noise(1, 40), "TIFF"))
    output = tmp_path / "predictions.parquet"

    summary = predict_here(model, str(folder), output=output)

    rows = {row["path"]: row for row in pq.read_table(output).to_pylist()}
    assert summary == Summary(7, 2)
    assert {path: row["error"] for path, row in rows.items() if row["error"]} == {
        "cut.jpg": NO_IMAGE,
        "empty.jpg": NO_IMAGE,
    }
    same = ("good.jpg", "two\nlines.jpg", "k\\udcfctzchen.jpg", "a,b;c.jpg")
    assert {rows[path]["label"] for path in same} == {rows["good.jpg"]["label"]}
    assert rows["large.tiff"]["label"] in model.classes
