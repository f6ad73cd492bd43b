"""Tests of the queue of labels and copies to decide about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from made_store import MadeStore
from page_client import PageClient

from review.page.app import WRITING
from review.page.guard import Access
from schemas.corrections import Correction, read_corrections, write_corrections

COPY, OTHER = "a" * 64, "b" * 64
PHOTOS = f"""path,label,split,sha256
cat/1.jpg,cat,train,{COPY}
cat/2.jpg,cat,train,{COPY}
dog/1.jpg,dog,train,{OTHER}
"""
SUSPICIONS = """path,class,suggested,confidence
dog/1.jpg,dog,cat,0.9
cat/1.jpg,cat,dog,0.8
"""


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A run with two copies and two labels that look wrong; it never trained a model."""
    made = MadeStore(tmp_path)
    survey = json.dumps({"duplicate_groups": [["cat/1.jpg", "cat/2.jpg"]]})
    files = {"photos.csv": PHOTOS, "survey.json": survey}
    outputs = {
        "examples": made.artifact("Examples", "ImageExampleGen/examples/1", {}),
        "quarantine": made.artifact("Quarantine", "ImageExampleGen/quarantine/1", files),
    }
    made.execution("one", "ImageExampleGen", outputs=outputs)
    suspicions = made.artifact("LabelSuspicions", "L/1", {"suspicions.csv": SUSPICIONS})
    made.execution("one", "LabelReview", outputs={"suspicions": suspicions})
    return made


@pytest.fixture
def page(made: MadeStore) -> Iterator[PageClient]:
    client = PageClient(made.output, Access("127.0.0.1", 8765, writing=WRITING))
    yield client
    client.close()


@pytest.fixture
def place(page: PageClient) -> str:
    (run,) = page.get("/runs.json").data["runs"]
    return f"/runs/{run['id']}/labels"


def decide(page: PageClient, place: str, row: dict[str, Any], decision: str, **form: str) -> str:
    """Saves a decision; returns where the page leads to then."""
    token = page.app._app.state.token  # type: ignore[attr-defined]
    own = {"sha256": row["sha256"], "path": row["path"], "back": str(row["number"])}
    answer = page.post(place, token=token, decision=decision, **own, **form)
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def test_undo_of_a_copy_that_was_left_out_takes_back_all_that_was_said_with_it(
    page: PageClient, place: str, made: MadeStore
) -> None:
    first, _ = page.get(f"{place}.json?kind=copy").data["doubts"]

    decide(page, place, first, "leave_out", kind="copy")
    said = {one.path: one.decision for one in read_corrections(made.output.corrections)}
    assert said == {"cat/1.jpg": "leave_out", "cat/2.jpg": "keep"}

    decide(page, place, first, "undo", kind="copy")
    assert read_corrections(made.output.corrections) == []

    kept = Correction("cat/2.jpg", COPY, "cat", "keep", "", datetime(2026, 1, 2, tzinfo=UTC))
    write_corrections(made.output.corrections, [kept])
    decide(page, place, first, "leave_out", kind="copy")
    decide(page, place, first, "undo", kind="copy")
    assert read_corrections(made.output.corrections) == [kept]


def test_photo_keeps_its_number_among_those_that_are_not_decided(
    page: PageClient, place: str
) -> None:
    """The second photo was shown in the place of the first, once that was decided."""
    first, second = page.get(f"{place}.json").data["doubts"]
    decide(page, place, first, "keep")
    (left,) = page.get(f"{place}.json?open=1").data["doubts"]
    assert (left["path"], left["number"]) == (second["path"], 2)

    back = decide(page, place, left, "relabel", new_label="dog", open="1")

    assert back.endswith("/labels?kind=label&open=1&also=2#d2")
    (shown,) = page.get(back.replace("/labels?", "/labels.json?").partition("#")[0]).data["doubts"]
    assert (shown["path"], shown["decision"]) == (second["path"], "relabel")
    assert 'id="d2" class="decided"' in page.get(back.partition("#")[0]).text


def test_kind_that_is_none_shows_labels(page: PageClient, place: str) -> None:
    assert page.get(f"{place}.json?kind=other&open=1").data["kind"] == "label"
    assert page.get(f"{place}?kind=other&open=1").status == 200


def test_photo_of_a_run_without_a_model_is_shown(page: PageClient, place: str) -> None:
    run = place.split("/")[2]

    found = page.get(f"/photos/{OTHER}.json?run={run}").data

    assert (found["paths"], found["labels"], found["models"]) == (["dog/1.jpg"], ["dog"], [])
    assert "No model saw it yet." in page.get(f"/photos/{OTHER}?run={run}").text
    assert page.get(f"/photos/{'c' * 64}?run={run}").status == 404
