"""Tests of one run on the page, and of where it leads to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_store import CACHED, MadeStore
from page_client import PageClient


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """Three runs: the second with another rate, the third takes the second one's model."""
    made = MadeStore(tmp_path)
    first = made.artifact("Model", "Trainer/model/1", {}, stage="frozen")
    made.execution("one", "Trainer", outputs={"model": first}, rate=0.1)
    second = made.artifact("Model", "Trainer/model/2", {}, stage="frozen")
    (model,) = made.execution("two", "Trainer", outputs={"model": second}, rate=0.2)
    reused = made.known(model)
    made.execution("three", "Trainer", outputs={"model": reused}, rate=0.2, state=CACHED)
    record = made.output.models / "7" / "assets.extra"
    record.mkdir(parents=True)
    (record / "warmstart.json").write_text(json.dumps({"run_id": "one"}))
    (made.output.models / "7" / "saved_model.pb").touch()
    return made


@pytest.fixture
def page(made: MadeStore) -> Iterator[PageClient]:
    client = PageClient(made.output)
    yield client
    client.close()


@pytest.fixture
def ids(page: PageClient) -> dict[str, int]:
    return {row["name"]: row["id"] for row in page.get("/runs.json").data["runs"]}


def test_what_components_are_compared_with_is_said_once(
    page: PageClient, ids: dict[str, int]
) -> None:
    found = page.get(f"/runs/{ids['two']}.json").data
    html = page.get(f"/runs/{ids['two']}").text

    assert found["since"] == {"name": "one", "id": ids["one"]}
    assert found["components"][0]["what"] == "rate changed from 0.1 to 0.2"
    link = f'<a href="/runs/{ids["one"]}">one</a>'
    assert f"Compared with run {link}, where no other is named." in html
    assert f"since run {link}" not in html


def test_reused_component_leads_to_the_run_that_it_is_from(
    page: PageClient, ids: dict[str, int]
) -> None:
    found = page.get(f"/runs/{ids['three']}.json").data

    assert found["components"][0]["since"] == {"name": "two", "id": ids["two"]}
    assert found["since"] is None
    assert f'from run <a href="/runs/{ids["two"]}">two</a>, less than a minute old' in (
        page.get(f"/runs/{ids['three']}").text
    )


def test_run_leads_to_comparisons_with_the_one_before_and_the_one_in_production(
    page: PageClient, ids: dict[str, int]
) -> None:
    html = page.get(f"/runs/{ids['three']}").text
    for first in ("two", "one"):
        assert f'href="/compare?run={ids[first]}&run={ids["three"]}' in html
    # The run before is the one in production: one link is enough.
    assert page.get(f"/runs/{ids['two']}").text.count('href="/compare?') == 1
    assert 'href="/compare?' not in page.get(f"/runs/{ids['one']}").text


def test_artifacts_of_a_run_are_what_it_made_or_reused(
    page: PageClient, ids: dict[str, int]
) -> None:
    def of(query: str) -> list[tuple[str, str]]:
        rows = page.get(f"/artifacts.json?{query}").data["artifacts"]
        return [(row["run"], row["is"]) for row in rows]

    assert of(f"run={ids['three']}") == [("two", "frozen")]
    assert of(f"run={ids['three']}&type=Examples") == []
    assert len(of("")) == 2
    assert page.get("/artifacts?run=999").status == 404


def test_what_a_run_does_not_have_leads_back_to_the_run(
    page: PageClient, ids: dict[str, int]
) -> None:
    answer = page.get(f"/runs/{ids['one']}/photos")

    assert answer.status == 404
    assert f'<a href="/runs/{ids["one"]}">To the run</a>' in answer.text


def test_component_that_ran_again_in_the_same_run_leads_to_the_later_one(
    page: PageClient, ids: dict[str, int], made: MadeStore
) -> None:
    place = f"/runs/{ids['one']}"
    (before,) = page.get(f"{place}.json").data["components"]
    made.execution("one", "Trainer", rate=0.3)
    (after,) = page.get(f"{place}.json").data["components"]

    assert after["execution"] != before["execution"]
    earlier = page.get(f"{place}/components/{before['execution']}").text
    assert f'<a href="{place}/components/{after["execution"]}">ran again</a>' in earlier
