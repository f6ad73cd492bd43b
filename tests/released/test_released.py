"""Tests that what each released version wrote is opened, shown, served and gone on with."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from page_client import PageClient, crawl
from pipeline_runs import QUICK, copy_sample
from typer.testing import CliRunner

import samples
from cli.main import app
from pipelines.environment.stored import check_store
from pipelines.folders import OutputFolders

FOLDER = Path(__file__).parent
CHANGELOG = FOLDER.parents[1] / "CHANGELOG.md"
RELEASES = sorted(file.parent for file in FOLDER.glob("*/output.tar.xz"))
# Where every one of them was made; ML Metadata records absolute paths.
MADE_AT = "/tmp/warmstart-released/output"  # noqa: S108
COMPONENTS = 15


@dataclass(frozen=True)
class Release:
    """What a released version wrote.

    Attributes:
        folder: that it is kept in.
        output: the output folder, unpacked.
    """

    folder: Path
    output: OutputFolders

    @property
    def version(self) -> str:
        """Of warmstart."""
        return self.folder.name

    @property
    def pushed(self) -> int:
        """The version of the model."""
        (number,) = (int(place.name) for place in self.output.models.iterdir())
        return number

    def names(self) -> list[str]:
        """Returns the names of its runs, the newest first."""
        return sorted((place.name for place in self.output.runs.iterdir()), reverse=True)


def unpacked(folder: Path, target: Path) -> Release:
    with tarfile.open(folder / "output.tar.xz") as archive:
        archive.extractall(target, filter="data")
    return Release(folder, OutputFolders(target / "output"))


@pytest.fixture(scope="module", params=RELEASES, ids=lambda folder: folder.name)
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release in a folder where its store says that nothing lies; for reading."""
    return unpacked(request.param, tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def in_place(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The same with a store that says where everything lies now."""
    there = unpacked(release.folder, tmp_path_factory.mktemp("in place"))
    with closing(sqlite3.connect(there.output.metadata)) as store, store:
        store.execute(
            "UPDATE Artifact SET uri = REPLACE(uri, ?, ?)", (MADE_AT, str(there.output.root))
        )
    return there


def invoke(*arguments: str | Path) -> str:
    """Runs a command that must succeed; returns what it printed."""
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, list(map(str, arguments)), env=environment)
    assert (result.exit_code, "Traceback" in result.output) == (0, False), result.output
    return result.stdout


def asked(release: Release, *arguments: str | Path) -> Any:
    return json.loads(invoke(*arguments, "--json", "--output", release.output.root))


def test_each_released_version_is_kept() -> None:
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", CHANGELOG.read_text(), re.MULTILINE)

    assert RELEASES
    assert set(released) <= {folder.name for folder in RELEASES}


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_what_was_released_was_not_changed(folder: Path) -> None:
    digest = hashlib.sha256((folder / "output.tar.xz").read_bytes()).hexdigest()

    assert f"`{digest}`" in (folder / "README.md").read_text()


def test_store_says_its_versions(release: Release) -> None:
    check = check_store(release.output.metadata)

    assert check.verdict == "PASS"
    assert f", by warmstart {release.version}; " in check.text


def test_runs_are_listed_and_shown(release: Release) -> None:
    listed = asked(release, "runs", "list")

    assert [run["run"] for run in listed] == release.names()
    assert {run["state"] for run in listed} == {"succeeded"}
    shown = asked(release, "runs", "show", "latest")
    assert len(shown["components"]) == COMPONENTS
    assert "cached" in invoke("runs", "show", "latest", "--output", release.output.root)


def test_reasons_and_logs_are_told(release: Release) -> None:
    first = release.names()[-1]
    options = ["--output", release.output.root]

    assert f"run {first}" in invoke("runs", "why", "latest", "Trainer", *options)
    assert "never ran before" in invoke("runs", "why", first, "Trainer", *options)
    assert "kept the" in invoke("runs", "show", first, "--log", "Trainer", *options)
    assert invoke("runs", "compare", first, "latest", *options)


def test_lineage_of_the_pushed_model_reaches_the_photos(release: Release) -> None:
    artifacts = asked(release, "artifacts", "list")
    (pushed,) = (one["id"] for one in artifacts if one["type"] == "PushedModel")

    shown = invoke("runs", "lineage", str(pushed), "--output", release.output.root)

    assert "ImageExampleGen" in shown


def test_every_page_opens(in_place: Release) -> None:
    def is_more_of_the_same(target: str) -> bool:
        return "?" in target or target.endswith(("/compare", "/lineage.json", "/log.json"))

    page = PageClient(in_place.output)
    try:
        answers = crawl(page, skipped=is_more_of_the_same)
    finally:
        page.close()

    assert {target: a.status for target, a in answers.items() if a.status not in (200, 303)} == {}
    kinds = [answer.headers.get("content-type", "") for answer in answers.values()]
    assert sum(kind == "image/jpeg" for kind in kinds) > 5


def test_pages_open_without_the_files(release: Release) -> None:
    page = PageClient(release.output)
    runs = page.get("/runs.json").data["runs"]
    places = [f"/runs/{run['id']}{part}" for run in runs for part in ("", "/mistakes", "/photos")]
    try:
        statuses = {place: page.get(place).status for place in ("/production", *places)}
    finally:
        page.close()

    assert {status for place, status in statuses.items() if place.count("/") < 3} == {200}
    assert set(statuses.values()) <= {200, 404}


def test_model_is_listed_with_its_run(release: Release) -> None:
    (listed,) = json.loads(invoke("models", "list", "--json", "--models", release.output.models))

    assert (listed["version"], listed["served"]) == (release.pushed, True)
    assert listed["run_id"] == release.names()[-1]


def test_model_answers_as_it_did(release: Release) -> None:
    told = json.loads((release.folder / "answers.json").read_text())
    photos = [samples.PHOTOS_FOLDER / name for name in told]
    digests = [hashlib.sha256(photo.read_bytes()).hexdigest() for photo in photos]
    assert digests == [answer["sha256"] for answer in told.values()]

    answers = json.loads(invoke("predict", release.output.models, *photos, "--json"))

    for now, then in zip(answers, told.values(), strict=True):
        assert now["label"] == then["label"]
        assert now["probabilities"] == pytest.approx(then["probabilities"], abs=1e-5)


@pytest.mark.slow
def test_new_run_goes_on_in_the_folder(in_place: Release, tmp_path: Path) -> None:
    root = shutil.copytree(in_place.output.root, tmp_path / "output")
    with closing(sqlite3.connect(root / "metadata.sqlite")) as store, store:
        store.execute(
            "UPDATE Artifact SET uri = REPLACE(uri, ?, ?)",
            (str(in_place.output.root), str(root)),
        )
    there = Release(in_place.folder, OutputFolders(root))
    data = copy_sample(tmp_path / "photos", photos_per_class=16)
    settings = [f"--set={setting}" for setting in QUICK]

    planned = asked(there, "pipeline", "plan", "--data", data, *settings)
    assert {one["state"] for one in planned["components"]} == {"run", "look up"}
    assert "never ran before" not in json.dumps(planned)
    outcome = asked(there, "pipeline", "run", "--data", data, *settings)

    assert outcome["state"] == "succeeded"
    assert Path(outcome["pushed_to"]).is_dir()
    assert [run["run"] for run in asked(there, "runs", "list")] == there.names()
    assert len(there.names()) == 3
    because = invoke("runs", "why", "latest", "StatisticsGen", "--output", root)
    assert "never ran before" not in because
    models = ["--models", there.output.models]
    invoke("models", "rollback", *models)
    numbers = {
        one["version"]: one for one in json.loads(invoke("models", "list", "--json", *models))
    }
    assert numbers[in_place.pushed]["served"]
