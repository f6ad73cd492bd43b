"""Classifying files in batches: order, memory, and files that cannot be read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from photo_files import add, encoded, file_of, noise

from components.serving import classification
from components.serving.classification import (
    MAX_PHOTOS,
    NO_IMAGE,
    Answer,
    Photo,
    Prediction,
    RefusedPhotosError,
    classified,
)


class BySize:
    """A model that tells small files from large ones, and does not take one that it is told of."""

    class_count = 2
    at_once = 2

    def __init__(
        self, classes: list[str] | None, refused: bytes = b"?", threshold: int = 1000
    ) -> None:
        self.classes: Sequence[str] | None = classes
        self.refused = refused
        self.threshold = threshold
        self.batches: list[list[bytes]] = []
        self._lock = threading.Lock()

    def classify(self, contents: Sequence[bytes]) -> list[Answer]:
        with self._lock:
            self.batches.append([*contents])
        if self.refused in contents:
            raise RefusedPhotosError("as the test wants it")
        large = [len(content) > self.threshold for content in contents]
        return [Answer("large" if one else "small", [1.0 - one, float(one)]) for one in large]


@pytest.fixture
def model() -> BySize:
    return BySize(["small", "large"])


def photos_of(folder: Path, contents: Sequence[bytes]) -> list[Photo]:
    files = [add(folder, f"{number:04}.jpg", one) for number, one in enumerate(contents)]
    return [Photo(file.name, str(file)) for file in files]


def test_answers_come_in_the_order_of_the_photos_with_names(model: BySize, tmp_path: Path) -> None:
    small, large = encoded(1), encoded(2, size=64)
    contents = [large if number % 7 == 0 else small for number in range(150)]

    predictions = [*classified(photos_of(tmp_path, contents), model)]

    assert [one.path for one in predictions] == [f"{number:04}.jpg" for number in range(150)]
    assert [one.label == "large" for one in predictions] == [n % 7 == 0 for n in range(150)]
    assert predictions[0] == Prediction("0000.jpg", "large", 1.0, {"small": 0.0, "large": 1.0})
    assert max(map(len, model.batches)) == MAX_PHOTOS


def test_probabilities_are_a_list_where_names_are_not_known(tmp_path: Path) -> None:
    (prediction,) = classified(photos_of(tmp_path, [encoded()]), BySize(None))

    assert prediction == Prediction("0000.jpg", "small", 1.0, [1.0, 0.0])


def test_photos_are_asked_for_as_they_are_needed(model: BySize, tmp_path: Path) -> None:
    file = str(add(tmp_path, "photo.jpg", encoded()))
    asked = 0

    def endless() -> Iterator[Photo]:
        nonlocal asked
        while True:
            asked += 1
            yield Photo(str(asked), file)

    predictions = classified(endless(), model)
    for number in range(1, 1001):
        assert next(predictions).path == str(number)
        assert asked <= number + 2 * model.at_once * MAX_PHOTOS
    predictions.close()  # type: ignore[attr-defined]


def test_file_that_cannot_be_read_has_a_reason_and_stops_no_other(
    model: BySize, tmp_path: Path
) -> None:
    photo = str(add(tmp_path, "good.jpg", encoded()))
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    places = {
        "missing": str(tmp_path / "missing.jpg"),
        "folder": str(tmp_path),
        "text": str(add(tmp_path, "text.jpg", b"text")),
        "empty": str(add(tmp_path, "empty.jpg", b"")),
        "nul": "a\0b",
    }
    photos = [Photo("first", photo)]
    photos += [Photo(name, place) for name, place in places.items()]
    photos += [Photo("pipe", str(pipe), trouble="not a regular file"), Photo("last", photo)]

    predictions = {one.path: one for one in classified(photos, model)}

    assert {name: one.error for name, one in predictions.items() if one.error} == {
        "missing": "No such file or directory",
        "folder": "Is a directory",
        "text": NO_IMAGE,
        "empty": NO_IMAGE,
        "nul": "embedded null byte",
        "pipe": "not a regular file",
    }
    assert predictions["first"].label == predictions["last"].label == "small"


def test_photo_that_the_model_refuses_is_found_by_halving(tmp_path: Path) -> None:
    contents = [encoded(seed) for seed in range(MAX_PHOTOS)]
    model = BySize(["small", "large"], refused=contents[19])

    predictions = [*classified(photos_of(tmp_path, contents), model)]

    refused = [one for one in predictions if one.error]
    assert [(one.path, one.error) for one in refused] == [("0019.jpg", "as the test wants it")]
    assert sum(one.label == "small" for one in predictions) == MAX_PHOTOS - 1
    assert len(model.batches) == 11


def test_large_photos_are_asked_about_in_smaller_batches(
    model: BySize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [encoded(seed, size=64) for seed in range(8)]
    monkeypatch.setattr(classification, "MAX_BYTES", 3 * max(map(len, contents)))
    contents.insert(4, encoded(9, size=512))

    predictions = [*classified(photos_of(tmp_path, contents), model)]

    assert [len(batch) for batch in model.batches] == [3, 1, 1, 3, 1]
    assert [one.path for one in predictions] == [f"{number:04}.jpg" for number in range(9)]


def test_what_tensorflow_does_not_read_goes_to_the_model_as_png(
    model: BySize, tmp_path: Path
) -> None:
    content = file_of(noise(3), "TIFF")

    (prediction,) = classified(photos_of(tmp_path, [content]), model)

    assert prediction.error is None
    assert model.batches[0][0].startswith(b"\x89PNG")
