"""Tests of what the page shows of a real run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_client import PageClient
from pipeline_runs import PipelineRuns

from review.library import Library
from review.page.app import WRITING
from review.page.guard import Access
from review.page.one_file import run_as_one_file
from schemas.output_folders import OutputFolders

FirstRun = tuple[PipelineRuns, dict[str, str]]


@pytest.fixture(scope="module")
def page(first_run: FirstRun) -> Iterator[PageClient]:
    client = PageClient(first_run[0].output, Access("127.0.0.1", 8765, writing=WRITING))
    yield client
    client.close()


@pytest.fixture(scope="module")
def run(page: PageClient) -> int:
    """Id of the first run; other tests may have added others."""
    found = page.get("/runs.json?q=first").data["runs"]
    return next(row["id"] for row in found if row["name"] == "first")


def artifact(page: PageClient, run: int, kind: str) -> dict[str, Any]:
    """Returns what is shown of the first artifact of a type that a run made."""
    components = page.get(f"/runs/{run}.json").data["components"]
    number = next(o["id"] for c in components for o in c["outputs"] if o["type"] == kind)
    assert page.get(f"/artifacts/{number}").status == 200
    found: dict[str, Any] = page.get(f"/artifacts/{number}.json").data
    return found


def test_run_shows_each_component_with_the_reason(page: PageClient, run: int) -> None:
    components = {row["node"]: row for row in page.get(f"/runs/{run}.json").data["components"]}

    assert components["Trainer"]["state"] == "executed"
    assert components["Trainer"]["why"] == "it never ran before."
    assert {one["type"] for one in components["Trainer"]["outputs"]} == {"Model", "ModelRun"}
    html = page.get(f"/runs/{run}").text
    assert html.count('<a class="node executed"') == len(components)


def test_photos_are_those_of_the_data_folder(
    page: PageClient, run: int, first_run: FirstRun
) -> None:
    found = page.get(f"/runs/{run}/photos.json").data
    food = page.get(f"/runs/{run}/photos.json?label=food&split=eval").data

    assert found["all"] == 64
    assert {(one["label"], one["split"]) for one in food["photos"]} == {("food", "eval")}
    assert food["count"] == len(food["photos"]) > 0
    assert {row["label"] for row in found["classes"]} == {"birds", "food", "mammals", "plants"}


def test_photo_is_shown_small_and_large(page: PageClient, run: int) -> None:
    one = page.get(f"/runs/{run}/photos.json?label=plants").data["photos"][0]
    for name in (f"{one['sha256']}.jpg", f"{one['sha256']}/large.jpg"):
        answer = page.get(f"/runs/{run}/photos/{name}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8\xff")
    assert page.get(f"/runs/{run}/photos/{'0' * 64}.jpg").status == 404


def test_photo_leads_to_each_model_that_saw_it(page: PageClient, run: int) -> None:
    model = artifact(page, run, "Model")["artifact"]["id"]
    for split, use in (("train", "trained on"), ("eval", "evaluated with")):
        one = page.get(f"/runs/{run}/photos.json?split={split}").data["photos"][0]
        rows = page.get(f"/photos/{one['sha256']}.json").data["models"]
        (row,) = [row for row in rows if row["model"] == model]
        assert (row["use"], row["label"], row["path"]) == (use, one["label"], one["path"])
        assert (row["said"] is not None) == (split == "eval")
    assert page.get(f"/photos/{'0' * 64}").status == 404


def test_confusion_matrix_counts_every_answer_and_opens_its_photos(
    page: PageClient, run: int
) -> None:
    found = page.get(f"/runs/{run}/mistakes.json?show=all").data
    cells = {
        (row["label"], said): count
        for row in found["matrix"]
        for said, count in zip(found["classes"], row["said"], strict=True)
    }

    assert sum(cells.values()) == found["all"] == found["count"] > 0
    for (label, said), count in cells.items():
        of_cell = page.get(f"/runs/{run}/mistakes.json?label={label}&said={said}").data
        assert of_cell["count"] == count
        assert {(o["label"], o["said"]) for o in of_cell["answers"]} <= {(label, said)}
    assert page.get(f"/runs/{run}/mistakes.json").data["count"] == found["wrong"]


def test_mistakes_come_with_what_training_knew_like_them(page: PageClient, run: int) -> None:
    mistakes = page.get(f"/runs/{run}/mistakes.json").data["answers"]
    assert mistakes, "the quick training makes some"
    trained_on = {
        one["path"] for one in page.get(f"/runs/{run}/photos.json?split=train").data["photos"]
    }
    for one in mistakes:
        assert len(one["nearest"]) == 3
        assert {near["path"] for near in one["nearest"]} <= trained_on
        assert one["nearest"] == sorted(one["nearest"], key=lambda near: -near["similarity"])
    shown = next(one for one in mistakes if one["has_heat_map"])
    heat_map = page.get(f"/runs/{run}/photos/{shown['sha256']}/heat-map.jpg")
    photo = page.get(f"/runs/{run}/photos/{shown['sha256']}.jpg")
    assert heat_map.content.startswith(b"\xff\xd8\xff")
    assert heat_map.content != photo.content


@pytest.mark.parametrize(
    ("kind", "key", "known"),
    [
        ("Examples", "count", 64),
        ("Quarantine", "count", 0),
        ("LabelSuspicions", "count", None),
        ("ExampleAnomalies", "anomalies", []),
        ("ModelBlessing", "blessed", True),
        ("InfraBlessing", "blessed", True),
        ("Model", "blessed", True),
    ],
)
def test_artifact_shows_what_it_holds(
    page: PageClient, run: int, kind: str, key: str, known: object
) -> None:
    holds = artifact(page, run, kind)["holds"]

    assert holds["kind"] == kind
    assert known is None or holds[key] == known


def test_statistics_schema_and_curves_are_read(page: PageClient, run: int) -> None:
    splits = artifact(page, run, "ExampleStatistics")["holds"]["splits"]
    schema = artifact(page, run, "Schema")["holds"]["rows"]
    graph = artifact(page, run, "TransformGraph")["holds"]["schemas"]
    training = artifact(page, run, "ModelRun")["holds"]

    assert sum(split["examples"] for split in splits) == 64
    assert {"image", "label", "brightness"} <= {row["name"] for row in schema}
    assert graph["raw"] != graph["transformed"]
    assert [stage["name"] for stage in training["stages"]] == ["frozen", "fine-tuned"]
    assert len(training["curves"]["loss"]["training photos"]) == 3


def test_model_leads_down_to_its_photos(page: PageClient, run: int) -> None:
    model = artifact(page, run, "Model")
    pushed = artifact(page, run, "PushedModel")

    assert sum(model["holds"]["splits"].values()) == 64
    assert model["holds"]["splits"] == pushed["holds"]["splits"]
    assert pushed["holds"]["model"] == model["artifact"]["id"]
    assert {one["name"] for one in model["holds"]["signatures"]} >= {"serving_default"}


def test_log_of_a_component_is_said_not_to_be_kept(page: PageClient, run: int) -> None:
    """The run of the tests is not that of the command line, which keeps logs."""
    trainer = next(
        row for row in page.get(f"/runs/{run}.json").data["components"] if row["node"] == "Trainer"
    )
    place = f"/runs/{run}/components/{trainer['execution']}"

    assert page.get(f"{place}.json").data["log"] is None
    assert "No log is kept of it." in page.get(f"{place}/log").text


def test_run_compared_with_itself_is_refused(page: PageClient, run: int) -> None:
    answer = page.get(f"/compare?run={run}&run={run}")

    assert answer.status == 404
    assert "Choose two to 5 different runs to compare; these are 1." in answer.text


def test_decision_is_saved_shown_and_taken_back(
    page: PageClient, run: int, first_run: FirstRun
) -> None:
    output: OutputFolders = first_run[0].output
    one = page.get(f"/runs/{run}/photos.json?label=food&split=train").data["photos"][0]
    html = page.get(f"/runs/{run}/labels").text
    token = re.search(r'name="token" value="([^"]+)"', html)
    secret = token[1] if token else page.app._app.state.token
    form = {"token": secret, "sha256": one["sha256"], "path": one["path"]}
    place = f"/runs/{run}/labels"
    try:
        answer = page.post(place, **form, decision="relabel", new_label="plants")
        assert (answer.status, answer.headers["location"]) == (303, f"{place}?kind=label#d1")
        header, row = output.corrections.read_text().splitlines()
        assert header == "path,sha256,label,decision,new_label,decided"
        assert row.startswith(f"{one['path']},{one['sha256']},food,relabel,plants,20")
        assert page.get(f"{place}.json").data["saved"] == 1

        refused = page.post(place, **form, decision="relabel", new_label="nothing of ours")
        assert refused.status == 404
        assert page.post(place, **{**form, "path": "other"}, decision="keep").status == 404
        assert page.post(place, **form, decision="burn").status == 404
        assert page.get(f"{place}.json").data["saved"] == 1

        assert page.post(place, **form, decision="undo").status == 303
        assert page.get(f"{place}.json").data["saved"] == 0
    finally:
        output.corrections.unlink(missing_ok=True)


def test_run_as_one_file_needs_nothing_else(first_run: FirstRun, run: int, tmp_path: Path) -> None:
    html = run_as_one_file(Library(first_run[0].output), run).decode()

    assert "<script" not in html
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert html.count('<section id="c') == len(first_run[1])
    assert "srcdoc=" in html
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
