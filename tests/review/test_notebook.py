"""Tests of what a notebook shows of runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from html_page import HOSTILE, Page
from made_store import CACHED, FAILED, MadeStore

from review.notebook import show_graph, show_history, show_lineage, show_report, show_run
from schemas.errors import ConfigError, PipelineError

REPORT = '<!doctype html><title>Report</title><p class="x">"97 %" & more</p>'


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A run with a report, one that reused it, and one that failed."""
    made = MadeStore(tmp_path)
    made.context("pipeline_run", "run-1", warmstart_data="/photos", warmstart_version="0.1.0")
    (examples,) = made.execution(
        "run-1",
        "Generator",
        outputs={"examples": made.artifact("Examples", "Generator/examples/1", {"e": "e"})},
        warmstart_seconds=2.5,
    )
    measured = {"photos": 23, "metrics": {"accuracy": 0.9}, "intervals": {"accuracy": [0.7, 0.97]}}
    made.execution(
        "run-1",
        "Eval",
        inputs={"examples": examples},
        outputs={
            "evaluation": made.artifact(
                "ModelEvaluation", "Eval/evaluation/2", {"measured.json": json.dumps(measured)}
            ),
            "report": made.artifact("Report", "Eval/report/2", {"report.html": REPORT}),
        },
        warmstart_seconds=10.0,
    )
    made.execution("run-2", "Generator", outputs={"examples": made.known(examples)}, state=CACHED)
    made.context(
        "pipeline_run", "run-3", warmstart_nodes='{"Generator": [], "Eval": ["Generator"]}'
    )
    made.execution("run-3", "Generator", state=FAILED, warmstart_error="No photos.", size=3)
    return made


def html_of(view: Any) -> Page:
    return Page(view._repr_html_())


def test_run_is_shown_as_text_with_state_time_and_reason(made: MadeStore) -> None:
    lines = repr(show_run(made.root, "run-1")).splitlines()

    assert lines[0] == "Run run-1 of pipeline line"
    assert lines[1].startswith("Succeeded, started ")
    assert lines[2:] == [
        "Data: /photos",
        "Version: 0.1.0",
        "Commit: not recorded",
        "Accuracy 0.900 (0.700 to 0.970) on 23 photos",
        "",
        "component  state     seconds  why",
        "Generator  executed      2.5  it never ran before.",
        "Eval       executed     10.0  it never ran before.",
    ]


def test_failed_run_is_shown_with_its_error_and_what_was_not_reached(made: MadeStore) -> None:
    page = html_of(show_run(made.root))

    assert page.texts_of("h4") == ["Run run-3 of pipeline line"]
    assert page.texts_of("td")[:2] == ["Generator", "failed"]
    assert page.texts_of("td")[3].endswith("size is new, 3 since run run-1. No photos.")
    assert page.texts_of("td")[4:] == ["Eval", "not reached", "", ""]


def test_history_is_the_newest_first_and_counts_what_it_leaves_out(made: MadeStore) -> None:
    shown = show_history(made.root, 2)

    page = html_of(shown)
    assert page.texts_of("td")[::8] == ["run-3", "run-2"]
    assert page.texts_of("small") == ["and 1 more; limit=3 shows all"]
    assert repr(shown).splitlines()[-1] == "and 1 more; limit=3 shows all"
    assert "more" not in repr(show_history(made.root, 3))


def test_lineage_is_an_indented_tree(made: MadeStore) -> None:
    shown = show_lineage(1, made.root)

    lines = [
        "in runs run-1, run-2",
        "made from",
        "  nothing that is recorded",
        "used for",
        "  ModelEvaluation 2 (live), by Eval in run run-1",
        "  Report 3 (live), by Eval in run run-1",
    ]
    assert repr(shown).splitlines() == ["Examples 1 (live), by Generator in run run-1", *lines]
    page = html_of(shown)
    assert [text for tag, text in page.texts if tag == "div"] == lines
    assert ("style", "white-space:pre-wrap") in page.attributes


def test_report_is_shown_in_a_frame_that_may_do_nothing(made: MadeStore) -> None:
    shown = show_report(made.root, "run-1")

    page = html_of(shown)
    assert page.tags == ["iframe"]
    found = dict(page.attributes)
    assert (found["sandbox"], found["srcdoc"]) == ("", REPORT)
    place = made.output.artifacts / "Eval" / "report" / "2" / "report.html"
    assert repr(shown) == f"Report of run run-1\n{place}"


def test_graph_is_drawn_in_a_frame_and_told_as_text(made: MadeStore) -> None:
    shown = show_graph(made.root, "run-1")

    frame = html_of(shown)
    assert frame.tags == ["iframe"]
    assert dict(frame.attributes)["sandbox"] == ""
    page = Page(shown.html)
    assert page.texts_of("text")[::2] == ["Generator", "Eval"]
    assert page.tags.count("rect") == 2
    assert not {"script", "a", "img", "link"} & set(page.tags)
    assert repr(shown).splitlines() == [
        "Graph of run run-1",
        "components",
        "  Generator (executed)",
        "  Eval (executed)",
        "what they hand on",
        "  Generator → Eval",
    ]


def test_report_in_the_folder_of_the_run_goes_before_that_of_the_artifact(made: MadeStore) -> None:
    file = made.output.runs / "run-1" / "report.html"
    file.parent.mkdir(parents=True)
    file.write_text("<p>the run's own</p>", encoding="utf-8")

    assert show_report(made.root, "run-1").html == "<p>the run's own</p>"


def test_report_behind_a_link_is_not_shown(made: MadeStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("secret", encoding="utf-8")
    folder = made.output.runs / "run-2"
    folder.mkdir(parents=True)
    (folder / "report.html").symlink_to(secret)

    with pytest.raises(PipelineError):
        show_report(made.root, "run-2")


def test_run_without_a_report_says_so(made: MadeStore) -> None:
    with pytest.raises(PipelineError) as raised:
        show_report(made.root, "run-3")
    assert str(raised.value) == (
        f"Run run-3 has no report below {made.root}: it did not come to ReportGen, or the report "
        "was removed; `show_history` tells which runs succeeded."
    )


def test_folder_without_runs_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        show_run(tmp_path)
    assert str(raised.value) == (
        f"--output {tmp_path} holds no run (no metadata.sqlite); run the pipeline first, with "
        "`warmstart pipeline run`, or name the folder that it wrote to."
    )


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_names_cannot_break_out_of_their_place(tmp_path: Path, name: str) -> None:
    made = MadeStore(tmp_path)
    made.context("pipeline_run", name, warmstart_data=name)
    (number,) = made.execution(
        name,
        name,
        pipeline=name,
        outputs={"report": made.artifact("Report", "1", {"report.html": name})},
        state=FAILED,
        warmstart_error=name,
    )

    views = (show_run(tmp_path), show_history(tmp_path), show_lineage(number, tmp_path))
    for page in map(html_of, views):
        known = {"section", "h4", "div", "table", "thead", "tbody", "tr", "th", "td", "p", "small"}
        assert set(page.tags) <= known
        assert {attribute for attribute, _ in page.attributes} == {"style"}
    frame = html_of(show_report(tmp_path))
    assert frame.tags == ["iframe"]
    assert dict(frame.attributes)["srcdoc"] == name
    assert set(dict(frame.attributes)) == {"sandbox", "title", "style", "srcdoc"}
    drawn = show_graph(tmp_path)
    assert html_of(drawn).tags == ["iframe"]
    assert {"script", "img", "b"}.isdisjoint(Page(drawn.html).tags)
    for view in (*views, show_report(tmp_path), drawn):
        assert repr(view).replace("\n", "").isprintable()
