"""Loading a pushed SavedModel; what it answers is tested with the pipeline and the server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from components.serving.pushed_model import PushedModel
from schemas.errors import ModelError


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """A SavedModel of something else, with class names."""
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)])
    folder = tmp_path / "1"
    tf.saved_model.save(module, str(folder), signatures=module.double)
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
    assert said.endswith("); name another version, or run the pipeline again.")
    assert "\n" not in said
