"""Tests of what the configuration hands to the components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.config import load_config
from pipelines.folders import OutputFolders
from pipelines.image_pipeline import create_pipeline


def properties(folder: Path, *overrides: str) -> dict[str, dict[str, Any]]:
    """Returns what TFX's cache compares, by component."""
    config = load_config(None, overrides)
    pipeline = create_pipeline(config, data=str(folder), output=OutputFolders(folder))
    return {component.id: component.exec_properties for component in pipeline.components}


def test_other_gpus_compute_nothing_again(tmp_path: Path) -> None:
    every = properties(tmp_path)

    assert properties(tmp_path, "gpus=none") == every
    assert properties(tmp_path, "gpus=[1, 0]") == every


def test_other_settings_do(tmp_path: Path) -> None:
    every, other = properties(tmp_path), properties(tmp_path, "train.batch_size=16")

    changed = [component for component in every if other[component] != every[component]]
    assert changed == ["Trainer", "ReportGen"]
