"""Tests of finding what a model looked at in a photo."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline_runs import PipelineRuns
from placed_artifacts import artifact_of, placed

from review.examples import examples_behind
from review.heat_maps import heat_map_in
from review.thumbnails import thumbnail
from schemas.features import EVAL

A = "a" * 64


def test_pictures_of_a_real_run_are_found_by_the_photos_digest(
    first_run: tuple[PipelineRuns, dict[str, str]],
) -> None:
    with artifact_of(first_run[0], "ImageExampleGen", "examples") as (history, artifact):
        examples = examples_behind(history, artifact.id)
    assert examples is not None
    evaluated = examples.of_split(EVAL)
    with artifact_of(first_run[0], "ReportGen", "report") as (history, report):
        found = [heat_map_in(history.files, report, photo.sha256) for photo in evaluated]

    pictures = [picture for picture in found if picture is not None]
    assert len(pictures) >= 6
    assert all(thumbnail(picture, 64) for picture in pictures)


@pytest.mark.parametrize("name", ["", "b" * 64, "a" * 63, "A" * 64, "../" + "a" * 61, A + "\n"])
def test_what_is_no_digest_of_a_picture_is_none(tmp_path: Path, name: str) -> None:
    files, report = placed(tmp_path, {f"judged/{A}.jpg": b"picture"})

    assert heat_map_in(files, report, A) == b"picture"
    assert heat_map_in(files, report, name) is None


def test_picture_that_is_too_large_is_none(tmp_path: Path) -> None:
    files, report = placed(tmp_path, {f"judged/{A}.jpg": bytes(1_000_001)})

    assert heat_map_in(files, report, A) is None
