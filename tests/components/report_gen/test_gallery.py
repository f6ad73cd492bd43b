"""Tests of which photos are shown, and how."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from made_results import made_answers
from PIL import Image
from pipeline_runs import PipelineRuns

from components.report_gen.gallery import _heated, pictures, read_photos, worst


def encoded(size: tuple[int, int] = (640, 480)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (200, 100, 50)).save(stream, "JPEG")
    return stream.getvalue()


def decoded(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))


def test_surest_mistakes_come_first_then_the_photos_it_was_least_sure_of() -> None:
    answers = made_answers("cat", "dog")
    probabilities = answers.probabilities.copy()
    probabilities[3] = (0.4, 0.6)  # A cat, wrong, hardly sure.
    probabilities[5] = (0.05, 0.95)  # A cat, wrong, very sure.
    probabilities[12] = (0.45, 0.55)  # A dog, right, hardly sure.

    found = worst(replace(answers, probabilities=probabilities))

    assert found[:4] == [5, 15, 3, 12]
    assert len(found) == 6


def test_model_that_is_always_wrong_shows_a_dozen() -> None:
    answers = made_answers("cat", "dog")
    wrong = replace(answers, probabilities=answers.probabilities[:, ::-1].copy())

    assert len(worst(wrong)) == 12


def test_picture_of_a_photo_is_small_and_in_the_page() -> None:
    shown = pictures(["a", "gone"], {"a": encoded()})

    assert list(shown) == ["a"]
    assert decoded(shown["a"]).size == (256, 192)


def test_heat_is_laid_over_the_place_it_belongs_to() -> None:
    grey = Image.new("RGB", (200, 100), (100, 100, 100))
    heat = np.array([[0, 0], [0, 1]], np.float32)

    mixed = np.asarray(_heated(grey, heat)).astype(int)

    changed = np.abs(mixed - 100).sum(axis=2)
    assert changed[90, 190] > 150
    assert changed[5, 5] < 20


def test_photos_are_found_among_the_examples_of_all_splits(runs: PipelineRuns) -> None:
    examples = runs.first_output("ImageExampleGen", "examples")
    splits = [str(place) for place in examples.glob("Split-*")]
    wanted = sorted(
        path.relative_to(runs.data).as_posix() for path in (runs.data / "birds").iterdir()
    )

    found = read_photos(splits, [*wanted, "gone.jpg"])

    assert sorted(found) == wanted
    assert found[wanted[0]] == Path(runs.data, wanted[0]).read_bytes()
    assert tf.io.decode_jpeg(found[wanted[0]]).shape[2] == 3
    assert read_photos(splits, []) == {}
