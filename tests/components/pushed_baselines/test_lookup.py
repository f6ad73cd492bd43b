"""Tests of what a run is compared with where no ML Metadata can be asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.pushed_baselines.lookup import LatestPushedModel, LatestPushedStatistics
from components.serving.versions import promote
from schemas.errors import ModelError


def write_model(folder: Path, *, weights: str, classes: str = "ab") -> Path:
    """Makes what tells a SavedModel from another."""
    (folder / "variables").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "saved_model.pb").write_bytes(b"the same graph")
    (folder / "variables" / "variables.index").write_text(weights)
    (folder / "assets" / "classes.json").write_text(json.dumps(list(classes)))
    return folder


def push(models: Path, number: int, *, weights: str, photos: str = "", classes: str = "ab") -> Path:
    """Makes a version as Pusher leaves it; without photos, as it did before they travelled."""
    version = write_model(models / str(number), weights=weights, classes=classes)
    if photos:
        write_statistics(version / "assets.extra" / "statistics", photos)
    return version


def write_statistics(folder: Path, photos: str) -> Path:
    (folder / "Split-train").mkdir(parents=True)
    (folder / "Split-train" / "FeatureStats.pb").write_text(photos)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def found_model(models: Path, *, weights: str, classes: str = "ab") -> str:
    """Looks up a baseline for a candidate with these weights."""
    candidate = models.parent / f"candidate-{weights}"
    write_model(candidate / "Format-Serving", weights=weights, classes=classes)
    found = LatestPushedModel().look_up({"models": str(models)}, {"candidate": str(candidate)})
    return found["model"]


def found_statistics(models: Path, *, photos: str) -> str:
    """Looks up what photos with these statistics are compared with."""
    current = write_statistics(models.parent / f"current-{photos}", photos)
    found = LatestPushedStatistics().look_up({"models": str(models)}, {"current": str(current)})
    return found["statistics"]


def test_first_run_has_no_baseline(models: Path) -> None:
    models.rmdir()

    assert found_model(models, weights="first") == ""
    assert found_statistics(models, photos="first") == ""


def test_baseline_is_the_newest_version_by_number(models: Path) -> None:
    for number in (9, 10, 2):
        push(models, number, weights=f"of {number}", photos=f"of {number}")

    assert found_model(models, weights="new") == str(models / "10")
    assert found_statistics(models, photos="new") == str(
        models / "10" / "assets.extra" / "statistics"
    )


def test_model_that_was_pushed_is_not_its_own_baseline(models: Path) -> None:
    push(models, 1, weights="before")
    push(models, 2, weights="the candidate's")

    assert found_model(models, weights="the candidate's") == str(models / "1")


def test_photos_that_a_version_learnt_from_are_not_compared_with_themselves(models: Path) -> None:
    before = push(models, 1, weights="a", photos="before")
    push(models, 2, weights="b", photos="the same")
    push(models, 3, weights="c", photos="the same")

    assert found_statistics(models, photos="the same") == str(
        before / "assets.extra" / "statistics"
    )


def test_version_without_statistics_is_passed_over(models: Path) -> None:
    old = push(models, 1, weights="a", photos="old")
    push(models, 2, weights="b")

    assert found_statistics(models, photos="new") == str(old / "assets.extra" / "statistics")


def test_model_that_lacks_a_class_is_no_baseline_and_one_with_more_is(models: Path) -> None:
    push(models, 1, weights="a", classes="abc")
    push(models, 2, weights="b", classes="a")

    assert found_model(models, weights="new", classes="ab") == str(models / "1")


def test_versions_that_are_hidden_or_half_written_do_not_count(models: Path) -> None:
    push(models, 1, weights="a")
    push(models / ".withdrawn", 2, weights="b")
    push(models / ".incoming", 3, weights="c")
    (models / "4").mkdir()

    assert found_model(models, weights="new") == str(models / "1")


def test_promotion_changes_no_baseline(models: Path) -> None:
    """Else a run of nothing new would undo it."""
    for number in (1, 2):
        push(models, number, weights=f"of {number}", photos=f"of {number}")
    before = found_model(models, weights="of 2"), found_statistics(models, photos="of 2")

    promoted = promote(models, 1)

    assert promoted.number > 2
    assert before == (str(models / "1"), str(models / "1" / "assets.extra" / "statistics"))
    shutil.rmtree(models.parent / "candidate-of 2")
    shutil.rmtree(models.parent / "current-of 2")
    assert before == (found_model(models, weights="of 2"), found_statistics(models, photos="of 2"))


def test_candidate_without_classes_is_an_error(models: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "model" / "Format-Serving"
    candidate.mkdir(parents=True)

    with pytest.raises(ModelError) as error:
        LatestPushedModel().look_up({"models": str(models)}, {"candidate": str(tmp_path / "model")})

    assert str(error.value) == (
        f"{candidate} carries no class names (classes.json is missing or broken); "
        "name a model that `warmstart pipeline run` pushed."
    )


@pytest.mark.parametrize(
    "module", ["components.pushed_baselines.lookup", "components.image_example_gen.fingerprint"]
)
def test_lookups_import_neither_tensorflow_nor_tfx(module: str) -> None:
    code = f"import {module}, sys; print({{'tensorflow', 'tfx', 'apache_beam'}} & {{*sys.modules}})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
