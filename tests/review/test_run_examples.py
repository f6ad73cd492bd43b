"""Tests of finding the photos that a pushed model was trained with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pipeline_runs import PipelineRuns

from components.serving.versions import roll_back, run_id_of, write_record
from pipelines.folders import OutputFolders
from review.run_examples import find_examples
from schemas.errors import ConfigError

ADVICE = (
    "give photos with --data DATA, or name the model where the pipeline pushed it, such as "
    "warmstart-output/models."
)


def examples_of(version: Path) -> Path:
    outputs = [OutputFolders(root) for root in version.parents[1:3]]
    return find_examples(version, run_id_of(version), outputs)


def said(version: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        examples_of(version)
    return str(raised.value)


def unknown(version: Path, reason: str) -> str:
    return (
        f"{version} is checked with evaluation photos, which are not found here ({reason}); "
        f"{ADVICE}"
    )


def pushed(folder: Path, run_id: str | None = "first") -> Path:
    """A version as Pusher leaves it, as far as finding photos goes."""
    folder.mkdir(parents=True)
    write_record(folder, int(folder.name), run_id=run_id, accuracy=0.5)
    return folder


def test_photos_are_those_of_the_run(runs: PipelineRuns) -> None:
    versions = (folder for folder in runs.output.models.iterdir() if folder.name.isdecimal())
    version = max(versions, key=lambda folder: int(folder.name))

    found = examples_of(version)

    assert found.parent == runs.output.artifacts / "ImageExampleGen" / "examples"
    assert sorted(folder.name for folder in found.iterdir()) == ["Split-eval", "Split-train"]


def test_photos_of_a_withdrawn_version_are_found(runs: PipelineRuns, tmp_path: Path) -> None:
    shutil.copy(runs.output.metadata, tmp_path)
    for number in (1, 2):
        (pushed(tmp_path / "models" / str(number)) / "saved_model.pb").touch()
    roll_back(tmp_path / "models")

    assert examples_of(tmp_path / "models" / ".withdrawn" / "2").is_dir()


def test_model_without_a_record_has_no_known_photos(tmp_path: Path) -> None:
    version = pushed(tmp_path / "models" / "1", run_id=None)

    assert said(version) == unknown(version, "it does not say which run it is from")


def test_copied_model_has_no_known_photos(tmp_path: Path) -> None:
    version = pushed(tmp_path / "models" / "1")

    assert said(version) == unknown(version, "run first did not push it to where it lies")


def test_run_that_metadata_does_not_know_has_no_photos(runs: PipelineRuns, tmp_path: Path) -> None:
    shutil.copy(runs.output.metadata, tmp_path)
    version = pushed(tmp_path / "models" / "1", run_id="another")

    assert said(version) == unknown(version, "the photos of run another are gone")


def test_broken_metadata_is_one_sentence(tmp_path: Path) -> None:
    version = pushed(tmp_path / "models" / "1")
    (tmp_path / "metadata.sqlite").write_bytes(b"no database" * 100)

    reason = f"{tmp_path / 'metadata.sqlite'} cannot be read"

    assert said(version) == unknown(version, reason)


def test_nothing_heavy_is_imported() -> None:
    script = "import sys, review.run_examples; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert {"tensorflow", "keras", "tfx"}.isdisjoint(result.stdout.split())
