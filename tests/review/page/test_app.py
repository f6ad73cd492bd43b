"""Tests of every address of the page: with a real run, with nothing, and with what is broken."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from made_store import FAILED, RUNNING, MadeStore
from page_client import Answer, PageClient, crawl
from pipeline_runs import PipelineRuns

from pipelines.folders import OutputFolders
from schemas import run_record

FirstRun = tuple[PipelineRuns, dict[str, str]]


@pytest.fixture(scope="module")
def page(first_run: FirstRun) -> Iterator[PageClient]:
    with closing(PageClient(first_run[0].output)) as page:
        yield page


@pytest.fixture(scope="module")
def run(page: PageClient) -> int:
    """Id of the first run."""
    rows = page.get("/runs.json?q=first").data["runs"]
    return next(int(row["id"]) for row in rows if row["name"] == "first")


@pytest.fixture(scope="module")
def answers(page: PageClient, run: int) -> dict[str, Answer]:
    """What the first run leads to; other tests may have added runs, and a photo is like another."""
    components = page.get(f"/runs/{run}.json").data["components"]
    made = {one["id"] for row in components for one in row["outputs"]}

    def is_of_others(target: str) -> bool:
        runs = map(int, re.findall(r"(?:/runs/|run=)(\d+)", target))
        artifacts = map(int, re.findall(r"/artifacts/(\d+)", target))
        photo = re.search(r"/photos/[0-9a-f]{64}", target)
        return (
            any(number != run for number in runs)
            or any(number not in made for number in artifacts)
            or (photo is not None and photo[0][len("/photos/")] not in "01")
        )

    return crawl(page, skipped=is_of_others)


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """Two runs, one of which failed."""
    made = MadeStore(tmp_path)
    model = made.artifact("Model", "Trainer/model/1", {"weights": "123"})
    made.execution("good", "Trainer", outputs={"model": model})
    made.execution("bad", "Trainer", state=FAILED, **{run_record.ERROR: "It broke."})
    return made


def ids(page: PageClient) -> dict[str, int]:
    return {row["name"]: row["id"] for row in page.get("/runs.json").data["runs"]}


def error(answer: Answer) -> str:
    return str(answer.data["error"])


def test_every_link_of_a_real_run_leads_somewhere(answers: dict[str, Answer]) -> None:
    missing = [t for t, answer in answers.items() if answer.status >= 400]

    # They ask for something to choose first.
    assert set(missing) <= {"/compare", "/compare.json"}
    assert len(answers) > 100


def test_real_run_shows_what_every_component_did(page: PageClient, run: int) -> None:
    found = page.get(f"/runs/{run}.json").data

    assert found["run"]["state"] == "succeeded"
    assert {row["state"] for row in found["components"]} == {"executed"}
    assert found["run"]["results"]["metrics"]["accuracy"]["value"] >= 0
    assert found["is_served"] in {True, False}
    for row in found["components"]:
        assert row["execution"]
        assert row["why"]


def test_report_of_a_real_run_is_the_one_that_it_wrote(
    page: PageClient, run: int, first_run: FirstRun
) -> None:
    report = page.get(f"/runs/{run}/report/page")
    reports = first_run[0].output.artifacts.glob("ReportGen/report/*/report.html")
    # Other tests may have added runs: execution ids grow.
    written = min(reports, key=lambda file: int(file.parent.name))

    assert report.text == written.read_text(encoding="utf-8")


def test_page_and_json_show_the_same_runs(page: PageClient) -> None:
    names = [row["name"] for row in page.get("/runs.json").data["runs"]]

    assert names
    for name in names:
        assert f">{name}</a>" in page.get("/runs").text


def test_start_leads_to_the_runs(page: PageClient) -> None:
    answer = page.get("/")

    assert (answer.status, answer.headers["location"]) == (303, "/runs")


@pytest.mark.parametrize("name", ["page.css", "page.js"])
def test_style_and_script_are_served(page: PageClient, name: str) -> None:
    answer = page.get(f"/static/{name}")
    kind = {"page.css": "text/css", "page.js": "text/javascript"}[name]

    assert answer.status == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert len(answer.content) > 1000


@pytest.mark.parametrize(
    "target", ["/nothing", "/runs/x", "/runs/1/nothing", "/static/app.py", "/favicon.ico"]
)
def test_unknown_address_is_not_found(page: PageClient, target: str) -> None:
    answer = page.get(target)

    assert answer.status == 404
    assert "There is nothing at this address." in answer.text
    assert '<a href="/runs">' in answer.text


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("/runs/999.json", "Run 999 is not in the store; it was removed, or is of another folder."),
        (
            "/artifacts/999.json",
            "Artifact 999 is not in the store; `warmstart artifacts list` shows those that are.",
        ),
        ("/compare.json", "Choose two to 5 different runs to compare; these are 0."),
        ("/compare.json?run=1&run=1", "Choose two to 5 different runs to compare; these are 1."),
        (
            "/compare.json?run=x",
            "run has to be the id of a run, as the list of runs links to it.",
        ),
        (
            f"/compare.json?run={'9' * 30}",
            "run has to be the id of a run, as the list of runs links to it.",
        ),
        (
            "/compare.json?" + "&".join(f"run={n}" for n in range(1000)),
            "Choose two to 5 different runs to compare; these are 1000.",
        ),
        ("/nothing.json", "There is nothing at this address."),
    ],
)
def test_what_is_asked_for_wrongly_is_said_in_one_sentence(
    made: MadeStore, target: str, sentence: str
) -> None:
    answer = PageClient(made.output).get(target)

    assert (answer.status, error(answer)) == (404, sentence)


@pytest.mark.parametrize("depth", ["0", "21", "-1", "x", "", "9" * 30])
def test_depth_of_a_lineage_has_bounds(made: MadeStore, depth: str) -> None:
    answer = PageClient(made.output).get(f"/artifacts/1/lineage.json?depth={depth}")

    assert (answer.status, error(answer)) == (404, "depth has to be a number from 1 to 20.")


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "2", "9" * 30])
def test_page_that_there_is_not_is_an_empty_one_or_the_first(made: MadeStore, page: str) -> None:
    found = PageClient(made.output).get(f"/runs.json?page={page}").data

    assert found["count"] == 2
    assert len(found["runs"]) == (0 if page == "2" else 2)


def test_runs_are_chosen_by_text_and_state(made: MadeStore) -> None:
    made.context("pipeline_run", "good", **{run_record.DATA: "/Photos of May"})
    page = PageClient(made.output)

    def names(query: str) -> list[str]:
        return [row["name"] for row in page.get(f"/runs.json?{query}").data["runs"]]

    assert names("state=failed") == ["bad"]
    assert names("q=photos+of") == ["good"]
    assert names("q=GOOD&state=failed") == []
    assert names("model=blessed") == []
    assert names("model=unheard-of") == []
    assert "No run is like this." in page.get("/runs?q=zzz").text


def test_failed_run_says_what_went_wrong(made: MadeStore) -> None:
    page = PageClient(made.output)
    number = ids(page)["bad"]

    assert "It broke." in page.get(f"/runs/{number}").text
    (row,) = page.get(f"/runs/{number}.json").data["components"]
    assert (row["state"], row["error"]) == ("failed", "It broke.")


def test_run_that_goes_on_is_followed_and_one_that_ended_is_not(made: MadeStore) -> None:
    made.execution("goes on", "Trainer", state=RUNNING)
    page = PageClient(made.output)
    numbers = ids(page)

    assert (
        f'data-live="/runs/{numbers["goes on"]}/events"'
        in page.get(f"/runs/{numbers['goes on']}").text
    )
    assert "data-live" not in page.get(f"/runs/{numbers['good']}").text


def test_execution_of_another_run_is_not_found(made: MadeStore) -> None:
    page = PageClient(made.output)
    numbers = ids(page)
    (row,) = page.get(f"/runs/{numbers['bad']}.json").data["components"]

    answer = page.get(f"/runs/{numbers['good']}/components/{row['execution']}.json")

    assert (answer.status, error(answer)) == (
        404,
        f"Run good has no execution {row['execution']}.",
    )


def test_store_without_runs_says_how_to_start_one(tmp_path: Path) -> None:
    page = PageClient(MadeStore(tmp_path).output)

    assert "No run yet." in page.get("/runs").text
    assert "There is none." in page.get("/artifacts").text
    assert "No model is in service yet." in page.get("/production").text
    assert "warmstart pipeline run --data PHOTOS" in page.get("/runs").text


def test_artifact_that_was_deleted_from_disk_is_shown_as_missing(made: MadeStore) -> None:
    page = PageClient(made.output)
    assert page.get("/artifacts/1.json").data["artifact"]["missing"] is False

    shutil.rmtree(made.output.artifacts)

    found = page.get("/artifacts/1.json").data
    assert (found["artifact"]["missing"], found["files"]) == (True, [])
    assert "its files are missing" in page.get("/artifacts/1").text
    assert "files missing" in page.get("/artifacts").text
    assert "files missing" in page.get("/artifacts/1/lineage").text
    assert max(answer.status for answer in crawl(page).values()) == 404


def test_artifact_that_was_removed_is_no_missing_one(made: MadeStore) -> None:
    made.forget(1)
    found = PageClient(made.output).get("/artifacts/1.json").data["artifact"]

    assert (found["state"], found["missing"]) == ("deleted", False)


def test_folder_without_a_store_asks_for_a_run(tmp_path: Path) -> None:
    answer = PageClient(OutputFolders(tmp_path)).get("/runs.json")

    assert answer.status == 404
    assert error(answer).startswith(f"--output {tmp_path} holds no run (no metadata.sqlite)")


def _another_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE MLMDEnv SET schema_version = 99")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.write_bytes(b"no database" * 400), "(file is not a database)"),
        (lambda file: file.write_bytes(file.read_bytes()[:20000]), "is malformed)"),
        (lambda file: file.write_bytes(b""), "cannot be read ("),
        (_another_version, "schema version 99, and this one reads version 10;"),
    ],
    ids=["of another kind", "cut off", "empty", "of another version"],
)
@pytest.mark.parametrize("target", ["/runs", "/artifacts", "/production", "/artifacts/1"])
def test_store_that_cannot_be_read_is_said_and_tried_again(
    made: MadeStore, spoil: Callable[[Path], object], reason: str, target: str
) -> None:
    spoil(made.output.metadata)

    page = PageClient(made.output)

    assert page.get(f"{target}.json").status == 503
    assert reason in error(page.get(f"{target}.json"))
    # It loads itself again.
    assert "data-again" in page.get(target).text


def test_locked_store_is_said_and_the_page_works_afterwards(
    made: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.store._PATIENCE", 0.2)
    page = PageClient(made.output)
    assert page.get("/runs").status == 200
    with closing(sqlite3.connect(made.output.metadata)) as database:
        database.execute("BEGIN EXCLUSIVE")
        locked = page.get("/artifacts.json")
        # What was read before is shown meanwhile.
        assert page.get("/runs").status == 200
        database.rollback()

    assert locked.status == 503
    assert error(locked) == (
        f"{made.output.metadata} cannot be read (database is locked); wait for the run that is "
        "writing to it, or name another folder with --output."
    )
    assert page.get("/artifacts").status == 200


def test_page_works_while_a_run_writes(made: MadeStore) -> None:
    page = PageClient(made.output)
    with closing(sqlite3.connect(made.output.metadata)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE Context SET name = 'other' WHERE name = 'good'")

        assert set(ids(page)) == {"good", "bad"}
        database.rollback()


def test_page_that_fails_says_so_and_names_no_detail(
    made: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a detail")

    monkeypatch.setattr("review.page.views.production.versions_in_service", fail)
    page = PageClient(made.output)

    answer = page.get("/production.json")

    assert answer.status == 500
    assert error(answer) == "This page failed (ZeroDivisionError); see the terminal."
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_run_name_of_a_run_is_not_needed_to_be_a_file_name(made: MadeStore) -> None:
    made.execution("a/b: c?", "Trainer")
    page = PageClient(made.output)

    answer = page.get(f"/runs/{ids(page)['a/b: c?']}/report.json")

    assert (answer.status, error(answer)) == (
        404,
        "Run a/b: c? has no report, or its file is gone.",
    )


def test_page_needs_neither_tensorflow_nor_tfx() -> None:
    script = "import sys, review.page.server, review.page.one, review.page.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "starlette" in loaded
    assert {"tensorflow", "tfx", "keras", "apache_beam"}.isdisjoint(loaded)
