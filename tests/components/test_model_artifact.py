"""Tests of where the SavedModel of a Model artifact lies."""

from __future__ import annotations

from pathlib import Path

from tfx.types import standard_artifacts

from components.model_artifact import saved_model_folder


def model_at(folder: Path) -> standard_artifacts.Model:
    model = standard_artifacts.Model()
    model.uri = str(folder)
    return model


def test_trainer_s_model_has_a_folder_for_serving(tmp_path: Path) -> None:
    (tmp_path / "Format-Serving").mkdir()

    assert saved_model_folder(model_at(tmp_path)) == str(tmp_path / "Format-Serving")


def test_pushed_version_is_the_saved_model_itself(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()

    assert saved_model_folder(model_at(tmp_path)) == str(tmp_path)
