"""Tests of asking pushed models, with those of a real run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pipeline_runs import PipelineRuns

from components.dataset.options import SurveyOptions
from components.dataset.survey import Photo, Survey, survey
from components.evaluator.answers import read_answers
from components.evaluator.pushed_answers import ask
from components.serving.model_folder import version_folder
from components.serving.pushed_model import PushedModel
from schemas import serving
from schemas.errors import DataError


@pytest.fixture
def model(runs: PipelineRuns) -> PushedModel:
    return PushedModel(runs.output.models)


@pytest.fixture
def found(runs: PipelineRuns) -> Survey:
    return survey(str(runs.data), SurveyOptions())


def test_answers_are_those_of_the_pipeline(
    runs: PipelineRuns, model: PushedModel, found: Survey
) -> None:
    """TIFF, CMYK and EXIF are among the photos; there each came as an example."""
    wanted = read_answers(runs.first_artifact("ModelEvaluation").uri, model.classes)
    photos = [photo for photo in found.photos if photo.path in set(wanted.paths)]

    asked = ask(photos, found.root, model=model, baseline=None, progress=lambda _: None)

    assert asked.unreadable == []
    assert asked.answers.paths == wanted.paths
    assert asked.answers.labels.tolist() == wanted.labels.tolist()
    np.testing.assert_allclose(asked.answers.probabilities, wanted.probabilities, atol=1e-5)
    for name, values in wanted.features.items():
        np.testing.assert_allclose(asked.answers.features[name], values, rtol=1e-6)
    assert asked.answers.baseline is None


def test_other_model_answers_in_the_order_of_the_classes_of_the_first(
    model: PushedModel, found: Survey, tmp_path: Path
) -> None:
    """The other one is the same, but calls each class by the name of another."""
    shutil.copytree(version_folder(model.folder), tmp_path / "1")
    turned = [*model.classes[1:], model.classes[0]]
    (tmp_path / "1" / "assets" / serving.CLASSES_ASSET).write_text(json.dumps(turned))
    steps: list[int] = []
    limit = Image.MAX_IMAGE_PIXELS

    asked = ask(
        found.photos,
        found.root,
        model=model,
        baseline=PushedModel(tmp_path),
        progress=steps.append,
    )

    assert sum(steps) == 2 * len(found.photos)
    assert len(asked.answers.paths) == len(found.photos)
    # Pillow is as it was.
    assert limit == Image.MAX_IMAGE_PIXELS is not None
    assert asked.answers.baseline is not None
    turned_back = np.roll(asked.answers.probabilities, 1, axis=1)
    np.testing.assert_allclose(asked.answers.baseline, turned_back, atol=1e-6)


def test_photos_that_are_gone_are_set_aside(model: PushedModel, found: Survey) -> None:
    gone: Photo = replace(found.photos[1], path="birds/gone.jpg")

    asked = ask(
        [found.photos[0], gone],
        found.root,
        model=model,
        baseline=None,
        progress=lambda _: None,
    )

    assert asked.answers.paths == [found.photos[0].path]
    (problem,) = asked.unreadable
    assert (problem.path, problem.label) == ("birds/gone.jpg", gone.label)
    assert problem.reason == "No such file or directory"
    with pytest.raises(DataError) as raised:
        ask([gone], found.root, model=model, baseline=None, progress=lambda _: None)
    assert str(raised.value) == (
        f"None of the 1 photos in {found.root} can be read, such as birds/gone.jpg (No such file "
        "or directory); make them readable."
    )
