"""Fixtures that many tests share: one real run of the pipeline on a part of the sample photos."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pipeline_runs import PipelineRuns, copy_sample, lay_on_the_side, store_otherwise
from secrets_planted import planted_secrets

from components.serving.model_folder import numbered_folders
from pipelines.folders import prepare_output

# The same examples each time, so that a change is to blame for what fails; `search` looks for
# others. How long an example takes says something about the machine only.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that share the real run."""
    for item in items:
        if "first_run" in getattr(item, "fixturenames", ()):
            item.add_marker("real_run")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escapes what cannot be encoded in what a test logged, such as odd names: xdist sends it."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is known of data folders is neither read from nor left in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineRuns, dict[str, str]]:
    """The first run on a small data set, with the states of its components."""
    folder = tmp_path_factory.mktemp("pipeline")
    runs = PipelineRuns(copy_sample(folder / "photos"), prepare_output(folder / "output"))
    lay_on_the_side(runs.data / "food")
    store_otherwise(runs.data / "plants")
    shutil.copytree(runs.data, folder / "pristine")
    with planted_secrets():
        return runs, runs.run("first")


@pytest.fixture
def runs(first_run: tuple[PipelineRuns, dict[str, str]]) -> Iterator[PipelineRuns]:
    """The pipeline after its first run; the data folder is as it was after each test."""
    runs, _ = first_run
    yield runs
    shutil.rmtree(runs.data)
    shutil.copytree(runs.data.parent / "pristine", runs.data)


@pytest.fixture(scope="session")
def pushed_model(
    first_run: tuple[PipelineRuns, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the version that a run pushed: later runs may replace that one."""
    runs, _ = first_run
    version = max(numbered_folders(runs.output.models), key=lambda folder: int(folder.name))
    return shutil.copytree(version, tmp_path_factory.mktemp("models") / version.name)
