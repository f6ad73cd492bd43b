"""Tests of the HTML report: that it shows the numbers, and that nothing in it can do harm."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from components.dataset.summary import NOTHING_FOUND
from components.label_review.suspicions import LabelSuspicion
from pipelines.config import load_config
from pipelines.outcome import CACHED, EXECUTED, ComponentRun, Outcome, Results, Serving
from pipelines.report import write_report

# Elements that have no closing tag.
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """What a browser would make of a page: its tags, its attributes, the text of each element."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in VOID:
            self._open.append(tag)
            self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.texts:
            tag, text = self.texts[-1]
            self.texts[-1] = (tag, text + data)

    def texts_of(self, tag: str) -> list[str]:
        """Returns the text right after each opening tag of a kind."""
        return [" ".join(text.split()) for name, text in self.texts if name == tag]


def results(*labels: str) -> Results:
    """Returns those of a blessed model for which the last class is hard."""
    accuracies = dict.fromkeys(labels, 1.0) | {labels[-1]: 0.875}
    return Results(
        blessed=True,
        reasons=[],
        pushed_to="/out/models/1700000000",
        not_pushed_because=None,
        serving=Serving(latency_ms=20.6, p95_ms=31.2, size_mb=11.54),
        metrics={"accuracy": 0.9375, "log_loss": 0.25671, "examples": 16},
        accuracy_by_class=accuracies,
        examples_by_class=dict.fromkeys(labels, 8),
        confusion={
            actual: {label: 7 if label == actual else 1 for label in labels} for actual in labels
        },
        survey=NOTHING_FOUND
        | {"images": 80, "classes": {label: {"train": 30, "eval": 10} for label in labels}},
        quarantine="/out/artifacts/ImageExampleGen/quarantine/1/quarantine.csv",
        label_suspicions=[],
        label_suspicions_file="/out/artifacts/LabelReview/suspicions/6/suspicions.csv",
        model_run="/out/artifacts/Trainer/model_run/7",
        evaluation="/out/artifacts/Evaluator/evaluation/8",
    )


def report(folder: Path, of: Results, data: str = "/photos", name: str = "warmstart") -> Page:
    """Writes the report of a run and reads it as a browser would."""
    components = [
        ComponentRun("ImageExampleGen", CACHED, 0.123),
        ComponentRun("Trainer", EXECUTED, 61.26),
    ]
    outcome = Outcome("20260101T000000.000000Z", components, of, folder=folder)
    file = write_report(outcome, load_config(None, [f"name={name}"]), data, folder)
    assert file == folder / "report.html"
    return Page(file.read_text(encoding="utf-8"))


def test_report_shows_the_numbers(tmp_path: Path) -> None:
    page = report(tmp_path, results("cat", "dog"))

    assert page.texts_of("h1") == ["Image classifier"]
    assert "93.8 % accuracy" in page.texts_of("p")
    assert (
        "on 16 evaluation photos that the model never trained on; log loss 0.257."
        in page.texts_of("p")
    )
    cells = page.texts_of("td")
    assert cells[:4] == ["100.0 %", "8", "87.5 %", "8"]
    assert cells[5:9] == ["7", "1", "1", "7"]
    assert cells[9:15] == ["30", "10", "25 %", "30", "10", "25 %"]
    assert cells[15:] == ["cached", "0.1", "executed", "61.3"]


def test_report_names_run_data_components_and_destination(tmp_path: Path) -> None:
    page = report(tmp_path, results("cat", "dog"), data="/my/photos")

    assert page.texts_of("title") == ["warmstart run 20260101T000000.000000Z"]
    assert page.texts_of("code") == ["/my/photos", "/out/models/1700000000"]
    assert page.texts_of("th")[-2:] == ["ImageExampleGen", "Trainer"]
    assert "✓ Blessed: the model reached every threshold. Pushed to" in page.texts_of("p")


def test_report_shows_the_configuration_of_the_run(tmp_path: Path) -> None:
    (text,) = report(tmp_path, results("cat", "dog"), name="my-run").texts_of("pre")

    assert text.startswith("name: my-run # Of the pipeline:")
    assert "from: 0.5 # " in text


def test_report_of_a_model_that_is_not_blessed_says_why(tmp_path: Path) -> None:
    reasons = ["accuracy 0.600 is 0.200 below min = 0.8", "accuracy is 0.300 below <that>"]
    missed = replace(results("cat", "dog"), blessed=False, reasons=reasons, pushed_to=None)

    page = report(tmp_path, missed)

    assert f"✗ Not blessed, so not pushed: {'; '.join(reasons)}." in page.texts_of("p")
    assert "Pushed to" not in page.html
    assert "None" not in page.html


def test_report_of_a_model_that_is_refused_says_why_it_was_not_pushed(tmp_path: Path) -> None:
    because = "serving would give other answers: <a> is 'cat'"
    refused = {"not_pushed_because": because, "serving": Serving(None, None, 11.5)}
    page = report(tmp_path, replace(results("cat", "dog"), pushed_to=None, **refused))

    assert (
        "✗ Blessed: the model reached every threshold, but not pushed: "
        f"{because}." in page.texts_of("p")
    )
    assert "Pushed to" not in page.html
    assert "None" not in page.html


def test_report_shows_what_serving_takes(tmp_path: Path) -> None:
    assert (
        "Served without this project: 21 ms for a photo (95 of 100 below 31 ms) on this "
        "machine's CPU, 11.5 MB." in report(tmp_path, results("cat", "dog")).texts_of("p")
    )


def test_report_lists_the_files_that_were_set_aside(tmp_path: Path) -> None:
    files = [
        {"path": f"cat/<{n}>.jpg", "class": "cat", "reason": "empty", "bytes": n}
        for n in range(102)
    ]
    page = report(tmp_path, with_survey(quarantined=files))

    assert "102 files were not used, and nothing was learnt from them." in page.texts_of("p")
    assert "cat/<0>.jpg" in page.texts_of("code")
    assert "cat/<99>.jpg" in page.texts_of("code")
    assert "cat/<100>.jpg" not in page.texts_of("code")
    assert any(text.startswith("and 2 more, see") for text in page.texts_of("p"))


def with_survey(**found: Any) -> Results:
    of = results("cat", "dog")
    return replace(of, survey=of.survey | found)


def test_report_shows_what_is_odd_about_the_photos(tmp_path: Path) -> None:
    page = report(
        tmp_path,
        with_survey(
            layout="split folders",
            duplicate_groups=[["cat/a.jpg", "cat/b.jpg"]],
            warnings=["<b> is small."],
        ),
    )

    assert (
        "80 photos in the splits that the data gives, 1 picture more than once."
    ) in page.texts_of("p")
    assert "<b> is small." in page.texts_of("p")


def test_report_without_such_files_does_not_mention_them(tmp_path: Path) -> None:
    assert "Set aside" not in report(tmp_path, results("cat", "dog")).texts_of("h2")


def suspicions(count: int, label: str = "cat") -> list[LabelSuspicion]:
    return [
        LabelSuspicion(f"{label}/<{n}>.jpg", label, "dog", 0.25, 0.75, "train")
        for n in range(count)
    ]


def test_report_lists_the_labels_that_look_wrong(tmp_path: Path) -> None:
    of = results("cat", "dog")
    page = report(tmp_path, replace(of, label_suspicions=suspicions(52)))

    assert "Labels to look at again" in page.texts_of("h2")
    (meaning,) = (text for text in page.texts_of("p") if text.startswith("52 of the labels"))
    assert "hints, not verdicts" in meaning
    assert page.texts_of("td")[15:18] == ["cat", "dog", "75 %"]
    assert "cat/<0>.jpg" in page.texts_of("code")
    assert "cat/<49>.jpg" in page.texts_of("code")
    assert "cat/<50>.jpg" not in page.texts_of("code")
    assert "and 2 more; the whole list is" in page.texts_of("p")
    assert of.label_suspicions_file in page.texts_of("code")


def test_report_of_one_label_that_looks_wrong_is_in_the_singular(tmp_path: Path) -> None:
    page = report(tmp_path, replace(results("cat", "dog"), label_suspicions=suspicions(1)))

    assert any(text.startswith("1 of the labels does not fit") for text in page.texts_of("p"))
    assert "The whole list is" in page.texts_of("p")


def test_report_without_such_labels_does_not_mention_them(tmp_path: Path) -> None:
    assert "Labels" not in " ".join(report(tmp_path, results("cat", "dog")).texts_of("h2"))


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "double quote": '"><img src=x onerror=alert(1)>',
    "single quote": "' onmouseover='alert(1)",
    "entity": "&lt;b&gt; &amp; co",
    "closing": "</td></table></pre></style>",
    "template": "{{ 7 * 7 }}{% raw %}",
    "newline": "two\nlines",
    "unicode": "Kätzchen 猫 \u202e",
}


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_hostile_class_name_is_shown_as_text(tmp_path: Path, label: str) -> None:
    harmless = report(tmp_path, results("cat", "dog"))
    page = report(tmp_path, results("cat", label))

    assert page.tags == harmless.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in harmless.attributes}
    shown = " ".join(label.split())
    assert [text for text in page.texts_of("th") if shown in text] == [
        *(shown, f"said {shown}", f"is {shown}", shown),
    ]


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_hostile_path_of_a_photo_is_shown_as_text(tmp_path: Path, label: str) -> None:
    of = results("cat", "dog")
    harmless = report(tmp_path, replace(of, label_suspicions=suspicions(1)))
    page = report(tmp_path, replace(of, label_suspicions=suspicions(1, label)))

    assert page.tags == harmless.tags
    assert " ".join(f"{label}/<0>.jpg".split()) in page.texts_of("code")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_name_of_the_data_folder_is_shown_as_text(tmp_path: Path, name: str) -> None:
    page = report(tmp_path, results("cat", "dog"), data=f"/photos/{name}")

    assert page.tags == report(tmp_path, results("cat", "dog")).tags
    assert page.texts_of("code")[0] == " ".join(f"/photos/{name}".split())


def test_report_needs_nothing_but_itself(tmp_path: Path) -> None:
    page = report(tmp_path, results("cat", "dog"))

    names = {name for name, _ in page.attributes}
    assert names & {"src", "href", "srcset", "action", "data", "background", "poster"} == set()
    assert not any(name.startswith("on") for name in names)
    assert set(page.tags) & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert re.search(r"https?:|//[a-z]|url\(|@import", page.html) is None


def test_report_forbids_the_browser_to_load_or_run_anything(tmp_path: Path) -> None:
    page = report(tmp_path, results("cat", "dog"))

    assert (
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    ) in page.attributes


def test_report_of_twenty_classes_has_a_full_matrix(tmp_path: Path) -> None:
    labels = [f"class {number}" for number in range(20)]

    page = report(tmp_path, results(*labels))

    assert page.texts_of("td").count("7") == 20
    assert page.texts_of("td").count("1") == 20 * 19
