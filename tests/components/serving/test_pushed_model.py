"""Loading a pushed SavedModel; what it answers is tested with the pipeline and the server."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from hungry_layer import Hungry

from components.serving.classification import Answer
from components.serving.pushed_model import PushedModel
from schemas.errors import ModelError, PipelineError


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """A SavedModel of something else, with class names."""
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)])
    return saved(module, module.double, tmp_path / "1")


def saved(module: tf.Module, signatures: Any, folder: Path) -> Path:
    """Saves a module with class names."""
    tf.saved_model.save(module, str(folder), signatures=signatures)
    (folder / "assets" / "classes.json").write_text('["cat", "dog"]', encoding="utf-8")
    return folder


def test_model_of_another_project_is_refused(version: Path) -> None:
    with pytest.raises(ModelError) as error:
        PushedModel(version.parent)

    assert str(error.value) == (
        f"{version} has no signature serving_bytes (it has: serving_default); name a model that "
        "`warmstart pipeline run` pushed."
    )


def test_damaged_model_is_refused_in_one_sentence(version: Path) -> None:
    shutil.rmtree(version / "variables")

    with pytest.raises(ModelError) as error:
        PushedModel(version)

    said = str(error.value)
    assert said.startswith(f"{version}: the SavedModel is damaged (")
    assert "variables" in said.removeprefix(str(version))
    assert said.endswith("); name another version, or run the pipeline again.")
    assert "\n" not in said


class Narrow(tf.Module):
    """Answers with the length of each file, and has memory for a few at a time."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._hungry = Hungry(most)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def classify(self, contents: tf.Tensor) -> dict[str, tf.Tensor]:
        lengths = self._hungry(tf.cast(tf.strings.length(contents), tf.float32)[:, tf.newaxis])
        return {
            "label": tf.where(lengths[:, 0] > 3, "cat", "dog"),
            "probabilities": tf.concat([lengths, -lengths], 1),
        }


@pytest.fixture
def narrow(tmp_path: Path, request: pytest.FixtureRequest) -> PushedModel:
    """A model that has memory for as many files as the test says."""
    module = Narrow(request.param)
    return PushedModel(saved(module, {"serving_bytes": module.classify}, tmp_path / "1"))


@pytest.mark.parametrize("narrow", [3], indirect=True)
def test_batch_that_memory_is_too_small_for_is_classified_in_parts(
    narrow: PushedModel, caplog: pytest.LogCaptureFixture
) -> None:
    contents = [b"x" * number for number in range(1, 9)]

    assert narrow.classify(contents) == [
        Answer("cat" if number > 3 else "dog", [number, -number]) for number in range(1, 9)
    ]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Memory ran out with 8 photos at a time",
        "Memory ran out with 4 photos at a time",
    ]


@pytest.mark.parametrize("narrow", [0], indirect=True)
def test_no_memory_for_one_photo_ends_it_with_a_sentence(narrow: PushedModel) -> None:
    with pytest.raises(PipelineError) as error:
        narrow.classify([b"x", b"y"])

    assert str(error.value) == (
        "Memory runs out even with one photo at a time; end other programs, or set "
        "CUDA_VISIBLE_DEVICES=-1 to leave out the GPU."
    )
