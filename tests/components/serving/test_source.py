"""Where a model is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from photo_files import add

from components.serving.source import PushedSource, ServedSource, model_source
from schemas.errors import ConfigError, ModelError

URL = "http://host:8501/v1/models/warmstart"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for number, names in {"7": ["cat", "dog"], "12": ["cat", "fox"]}.items():
        add(tmp_path, f"{number}/saved_model.pb", b"graph")
        add(tmp_path, f"{number}/assets/classes.json", json.dumps(names).encode())
    return tmp_path


def test_newest_version_of_a_folder_is_taken(models: Path) -> None:
    assert model_source(str(models), None) == PushedSource(models / "12")
    assert model_source(str(models / "7"), None) == PushedSource(models / "7")


def test_folder_beside_a_server_tells_the_names_of_classes(models: Path) -> None:
    assert model_source(str(models), URL) == ServedSource(URL, ("cat", "fox"))
    assert model_source(None, URL) == ServedSource(URL)


def test_no_model_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        model_source(None, None)

    assert str(error.value) == "No model; name the folder of a pushed model, or --url."


def test_folder_without_class_names_is_refused(models: Path) -> None:
    (models / "12" / "assets" / "classes.json").unlink()

    with pytest.raises(ModelError) as error:
        model_source(str(models), URL)

    assert str(error.value) == (
        f"{models / '12'} carries no class names (classes.json is missing or broken); name a model "
        "that `warmstart pipeline run` pushed."
    )
