"""Tests of finding what a component logged."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_store import CACHED, FAILED, MadeStore

from review.history import History
from review.logs import Log, find_log, log_of
from review.records import Run
from schemas.errors import ConfigError, PipelineError
from schemas.output_folders import OutputFolders


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A run with logs, and one that reused its first component and failed in the second."""
    made = MadeStore(tmp_path)
    (examples,) = made.execution(
        "run-1", "Generator", outputs={"examples": made.artifact("Examples", "Generator/1", {})}
    )
    made.execution("run-1", "Trainer", inputs={"examples": examples})
    made.context(
        "pipeline_run", "run-2", warmstart_nodes='{"Generator": [], "Trainer": [], "Pusher": []}'
    )
    made.execution("run-2", "Generator", outputs={"examples": made.known(examples)}, state=CACHED)
    made.execution("run-2", "Trainer", inputs={"examples": examples}, state=FAILED)
    for run, node in (("run-1", "Generator"), ("run-1", "Trainer"), ("run-2", "Generator")):
        write_log(made, run, node)
    return made


def write_log(made: MadeStore, run: str, node: str) -> Path:
    file = made.output.runs / run / "logs" / f"{node}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{node} in {run}", encoding="utf-8")
    return file


def run_of(made: MadeStore, name: str) -> tuple[History, Run]:
    history = History(made.store, made.root)
    (run,) = history.read(head for head in history.runs() if head.name == name)
    return history, run


def test_log_is_that_of_the_run_in_which_the_component_ran(made: MadeStore) -> None:
    log = log_of(made.output, *run_of(made, "run-1"), "Trainer")

    file = made.output.runs / "run-1" / "logs" / "Trainer.txt"
    assert log == Log("run-1", "Trainer", file, of_other_run=False)


def test_log_of_a_reused_component_is_that_of_the_run_that_made_it(made: MadeStore) -> None:
    log = log_of(made.output, *run_of(made, "run-2"), "Generator")

    file = made.output.runs / "run-1" / "logs" / "Generator.txt"
    assert log == Log("run-1", "Generator", file, of_other_run=True)


def test_log_that_is_not_there_is_none(made: MadeStore) -> None:
    assert log_of(made.output, *run_of(made, "run-2"), "Trainer") is None
    assert log_of(made.output, *run_of(made, "run-2"), "Pusher") is None
    assert log_of(made.output, *run_of(made, "run-2"), "Nothing") is None


@pytest.mark.parametrize("name", ["../outside", "..", ".hidden", "a/b", "a\\b", "a" * 300])
def test_names_that_leave_the_folder_are_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "output").mkdir()
    made = MadeStore(tmp_path / "output")
    made.execution(name, "Trainer")
    made.execution("plain", name)
    made.output.runs.mkdir()
    for run, node in ((name, "Trainer"), ("plain", name)):
        if len(name) < 300:
            write_log(made, run, node)

    assert log_of(made.output, *run_of(made, name), "Trainer") is None
    assert log_of(made.output, *run_of(made, "plain"), name) is None


@pytest.mark.parametrize("link", ["", "run-1", "run-1/logs", "run-1/logs/Trainer.txt"])
def test_links_are_not_followed(made: MadeStore, tmp_path: Path, link: str) -> None:
    path = made.output.runs / link
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    assert (made.output.runs / "run-1" / "logs" / "Trainer.txt").is_file()
    assert log_of(made.output, *run_of(made, "run-1"), "Trainer") is None


def test_output_folder_itself_may_be_a_link(made: MadeStore, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    assert log_of(OutputFolders(tmp_path / "link"), *run_of(made, "run-1"), "Trainer") is not None


def test_folder_in_place_of_a_log_is_none(made: MadeStore) -> None:
    file = made.output.runs / "run-1" / "logs" / "Trainer.txt"
    file.unlink()
    file.mkdir()

    assert log_of(made.output, *run_of(made, "run-1"), "Trainer") is None


def test_component_is_found_in_any_case(made: MadeStore) -> None:
    assert find_log(made.output, *run_of(made, "run-1"), "trainer").node == "Trainer"


def test_component_that_a_run_does_not_have_is_named(made: MadeStore) -> None:
    with pytest.raises(ConfigError) as raised:
        find_log(made.output, *run_of(made, "run-2"), "Tuner")
    assert str(raised.value) == (
        "Run run-2 has no component Tuner; it has Generator, Trainer, Pusher."
    )


def test_component_that_was_not_reached_has_no_log(made: MadeStore) -> None:
    with pytest.raises(PipelineError) as raised:
        find_log(made.output, *run_of(made, "run-2"), "Pusher")
    assert str(raised.value) == (
        "Run run-2 did not come to Pusher, so that has no log; `warmstart runs show` without "
        "--log tells where the run ended."
    )


def test_log_that_is_missing_says_where_it_would_be(made: MadeStore) -> None:
    (made.output.runs / "run-1" / "logs" / "Generator.txt").unlink()

    for run in ("run-1", "run-2"):
        with pytest.raises(PipelineError) as raised:
            find_log(made.output, *run_of(made, run), "Generator")
        assert str(raised.value) == (
            "There is no log of Generator in run run-1 (no logs/Generator.txt in its folder "
            f"below {made.output.runs}): only `warmstart pipeline run` writes one, and `warmstart "
            "runs delete` removes it; run the pipeline again to have one."
        )
