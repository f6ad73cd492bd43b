"""Tests of runs side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_store import MadeStore
from page_client import PageClient

from schemas import run_record

PATHS = [f"{label}/{number}.jpg" for label in ("ok", "bad") for number in range(5)]


def measured(accuracy: float, low: float, high: float) -> str:
    return json.dumps(
        {
            "photos": len(PATHS),
            "metrics": {"accuracy": accuracy},
            "intervals": {"accuracy": [low, high]},
            "confusion": {"ok": {}, "bad": {}},
        }
    )


def evaluated(made: MadeStore, run: str, wrong: set[str], rate: float) -> None:
    """Adds a run that says what it is of all photos but some."""
    share = 1 - len(wrong) / len(PATHS)
    name = f"Evaluator/evaluation/{run}"
    evaluation = made.artifact(
        "ModelEvaluation", name, {"measured.json": measured(share, share - 0.05, share + 0.05)}
    )
    labels = [path.partition("/")[0] for path in PATHS]
    said = [(label == "ok") != (path in wrong) for label, path in zip(labels, PATHS, strict=True)]
    probabilities = [[0.9, 0.1] if ok else [0.2, 0.8] for ok in said]
    table = pa.table({"path": PATHS, "label": labels, "probabilities": probabilities})
    pq.write_table(table, made.output.artifacts / name / "answers-00000-of-00001.parquet")
    made.context(
        "pipeline_run",
        run,
        **{run_record.CONFIGURATION: f"frozen:\n  learning_rate: {rate}\n  epochs: 3\n"},
    )
    made.execution(run, "Evaluator", outputs={"evaluation": evaluation})


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """Three runs: the second has lost a photo and gained one, the third has lost all of a class."""
    made = MadeStore(tmp_path)
    evaluated(made, "one", {"ok/0.jpg"}, 0.1)
    evaluated(made, "two", {"bad/0.jpg"}, 0.2)
    evaluated(made, "three", {"ok/0.jpg", *(path for path in PATHS if "bad" in path)}, 0.1)
    return made


@pytest.fixture
def page(made: MadeStore) -> Iterator[PageClient]:
    client = PageClient(made.output)
    yield client
    client.close()


def address(page: PageClient, *names: str) -> str:
    ids = {row["name"]: row["id"] for row in page.get("/runs.json").data["runs"]}
    return "&".join(f"run={ids[name]}" for name in names)


def test_flips_are_counted_and_shown(page: PageClient) -> None:
    asked = address(page, "one", "two")
    (found,) = page.get(f"/compare.json?{asked}").data["answers"]
    html = page.get(f"/compare?{asked}").text

    assert [one["path"] for one in found["newly_wrong"]] == ["bad/0.jpg"]
    assert [one["path"] for one in found["newly_right"]] == ["ok/0.jpg"]
    assert found["newly_wrong"][0]["said_before"] == "bad"
    assert found["difference"] == [[1, -1], [1, -1]]
    assert (found["both_right_count"], found["both_wrong_count"], found["p"]) == (8, 0, 1.0)
    assert "1 is newly right and 1 newly wrong; 8 are right and 0 wrong with both." in html
    assert "<strong>Within noise</strong>" in html
    assert 'aria-label="+1 of ok taken for ok"' in html
    assert 'aria-label="-1 of bad taken for bad"' in html


def test_loss_of_a_class_is_more_than_noise(page: PageClient) -> None:
    asked = address(page, "two", "three")
    found = page.get(f"/compare.json?{asked}").data
    html = page.get(f"/compare?{asked}").text

    assert found["answers"][0]["newly_wrong_count"] == 5
    assert found["answers"][0]["newly_right_count"] == 0
    assert found["answers"][0]["p"] == 2 / 2**5
    (accuracy,) = found["metrics"]
    assert accuracy["gains"][0]["within_noise"] is False
    assert "-0.500, more than noise" in html


def test_three_runs_stand_beside_the_first(page: PageClient) -> None:
    found = page.get(f"/compare.json?{address(page, 'one', 'two', 'three')}").data

    assert [run["name"] for run in found["runs"]] == ["one", "two", "three"]
    assert found["configuration"] == [{"key": "frozen.learning_rate", "values": [0.1, 0.2, 0.1]}]
    assert [len(one["newly_wrong"]) for one in found["answers"]] == [1, 5]


def test_oldest_run_is_compared_with_unless_another_is_named(page: PageClient) -> None:
    asked = address(page, "two", "one")
    (_, *numbers) = asked.split("run=")
    two = numbers[0].rstrip("&")

    found = page.get(f"/compare.json?{asked}").data
    turned = page.get(f"/compare.json?{asked}&base={two}").data

    assert [run["name"] for run in found["runs"]] == ["one", "two"]
    assert [run["name"] for run in turned["runs"]] == ["two", "one"]
    assert f'href="?run={numbers[1]}&amp;run={two}&amp;base={two}"' in (
        page.get(f"/compare?{asked}").text
    )


def test_class_whose_share_of_the_photos_changed_is_shown(
    page: PageClient, made: MadeStore
) -> None:
    for run, cats in (("few", 1), ("many", 2)):
        rows = [f"{name}.jpg,{name[:3]},train,{name:0<64}" for name in ("cat1", "cat2")[:cats]]
        table = "\n".join(["path,label,split,sha256", *rows, f"d.jpg,dog,train,{'d' * 64}", ""])
        outputs = {
            "examples": made.artifact("Examples", f"G/examples/{run}", {}),
            "quarantine": made.artifact("Quarantine", f"G/q/{run}", {"photos.csv": table}),
        }
        made.execution(run, "ImageExampleGen", outputs=outputs)

    found = page.get(f"/compare.json?{address(page, 'few', 'many')}").data

    assert found["classes"] == [
        {"key": "cat", "values": ["1 (50%)", "2 (67%)"]},
        {"key": "dog", "values": ["1 (50%)", "1 (33%)"]},
    ]
    assert found["medians"] is None
    assert page.get(f"/compare.json?{address(page, 'one', 'few')}").data["classes"] is None


def test_number_of_photos_that_are_no_more_leads_to_them(page: PageClient) -> None:
    html = page.get(f"/compare?{address(page, 'one', 'two')}").text
    links = dict(re.findall(r'href="(/runs/\d+/mistakes\?[^"]*)" aria-label="([+-]\d+)', html))

    assert sorted(links.values()) == ["+1", "+1", "-1", "-1"]
    for link, said in links.items():
        assert page.get(unescape(link)).text.count("data-row") >= 1, said


@pytest.mark.parametrize(("names", "count"), [(("one",), 1), ((), 0)])
def test_fewer_than_two_runs_are_asked_for_more(
    page: PageClient, names: tuple[str, ...], count: int
) -> None:
    answer = page.get(f"/compare?{address(page, *names)}")

    assert answer.status == 404
    assert f"Choose two to 5 different runs to compare; these are {count}." in answer.text
