"""Tests of a single answer without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_store import FAILED, RUNNING, MadeStore
from page_client import PageClient

from pipelines.folders import OutputFolders
from review.page.one import answer_to
from schemas.errors import ConfigError


@pytest.fixture
def output(tmp_path: Path) -> OutputFolders:
    made = MadeStore(tmp_path)
    made.execution("good", "Trainer")
    made.execution("bad", "Trainer", state=FAILED)
    made.execution("goes on", "Trainer", state=RUNNING)
    return made.output


def test_answer_is_that_of_the_server(output: OutputFolders) -> None:
    for target in ("/runs.json?state=failed", "/artifacts.json", "/production", "/nothing"):
        answer = PageClient(output).get(target)
        assert answer_to(output, target) == (answer.status, answer.content)


def test_query_chooses(output: OutputFolders) -> None:
    status, content = answer_to(output, "/runs.json?state=failed")

    assert status == 200
    assert [run["name"] for run in json.loads(content)["runs"]] == ["bad"]


def test_slash_at_the_beginning_may_be_left_out(output: OutputFolders) -> None:
    assert answer_to(output, "runs.json") == answer_to(output, "/runs.json")


@pytest.mark.parametrize("target", ["/runs/999", "/a b", "/\udcff", "/ä?q=ä\udcff", "//etc/passwd"])
def test_what_is_not_there_is_404(output: OutputFolders, target: str) -> None:
    assert answer_to(output, target)[0] == 404


def test_events_of_a_run_have_no_end(output: OutputFolders) -> None:
    (run,) = json.loads(answer_to(output, "/runs.json?state=unfinished")[1])["runs"]

    with pytest.raises(ConfigError) as refused:
        answer_to(output, f"/runs/{run['id']}/events")

    assert str(refused.value) == (
        f"--get /runs/{run['id']}/events has no end: it tells a browser what goes on; ask for the "
        "page itself."
    )
