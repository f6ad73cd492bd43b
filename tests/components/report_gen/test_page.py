"""Tests of the report: that it shows the numbers, and that nothing in it can do harm."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from html_page import HOSTILE, Page
from made_results import SERVED, made_contents, made_survey

from components.label_review.suspicions import LabelSuspicion
from components.report_gen.contents import Contents
from components.report_gen.gallery import Judged
from components.report_gen.page import render


def page_of(contents: Contents) -> Page:
    return Page(render(contents))


@pytest.fixture(scope="module")
def plain() -> Page:
    """The report of a model that is asked about cats and dogs, with nothing odd about it."""
    return page_of(made_contents("cat", "dog"))


def test_report_says_in_words_how_good_the_model_is(plain: Page) -> None:
    assert plain.texts_of("h1") == ["Image classifier"]
    assert "93.8 % accuracy" in plain.texts_of("p")
    assert (
        "It recognised 15 of 16 photos that it never learnt from. Of further photos like these it "
        "should recognise between 72 and 99 of 100 (95 % interval)." in plain.texts_of("p")
    )
    assert "✓ Blessed: the model reached every threshold." in plain.texts_of("p")


def test_report_shows_every_metric_with_its_interval(plain: Page) -> None:
    cells = plain.texts_of("td")

    assert cells[:2] == ["0.938", "0.717 \N{EN DASH} 0.989"]
    assert cells[2] == "0.938"
    assert cells[6] == "0.356"  # -(15 ln 0.75 + ln 0.25) / 16.


def test_report_compares_with_the_latest_blessed_model_on_the_same_photos() -> None:
    contents = made_contents("cat", "dog", baseline=True)
    baseline = contents.measured.baseline
    assert baseline is not None
    page = page_of(contents)

    assert "latest blessed model" in page.texts_of("th")
    (said,) = (text for text in page.texts_of("p") if text.startswith("On the same photos"))
    assert said.startswith("On the same photos it is 43.8 points of accuracy better than")
    assert said.endswith("which is no chance).")
    even = replace(baseline, gain=0.0, gain_interval=(-0.1, 0.1))
    same = page_of(replace(contents, measured=replace(contents.measured, baseline=even)))
    assert (
        "On the same photos it is as accurate as the latest blessed model (95 % interval of the "
        "difference -10.0 to +10.0 points)." in same.texts_of("p")
    )


def test_report_shows_classes_and_what_is_taken_for_what(plain: Page) -> None:
    cells = plain.texts_of("td")

    place = cells.index("87.5 %")
    assert cells[place : place + 6] == ["87.5 %", "", "100.0 %", "93.3 %", "0.938", "8"]
    assert "1 of dog taken for cat" in plain.texts_of("li")
    assert {"is cat", "said dog"} <= set(plain.texts_of("th"))


def test_report_of_many_classes_lists_pairs_instead_of_a_matrix() -> None:
    twenty = page_of(made_contents(*(f"class {number}" for number in range(20))))
    forty = page_of(made_contents(*(f"class {number}" for number in range(40))))

    assert twenty.texts_of("td").count("7") == 1
    assert "is class 19" in twenty.texts_of("th")
    assert "is class 19" not in forty.texts_of("th")
    assert "1 of class 39 taken for class 0" in forty.texts_of("li")


def test_report_marks_the_slice_that_is_worse_than_chance_explains() -> None:
    contents = made_contents(
        "cat", "dog", slices={"brightness": np.array(["dark"] * 4 + ["bright"] * 12)}
    )
    (dark,) = (s for s in contents.measured.slices if s.value == "dark")
    worse = replace(dark, accuracy=0.0, interval=(0.0, 0.49))
    measured = replace(contents.measured, slices=[worse])
    page = page_of(replace(contents, measured=measured))

    assert "brightness" in page.texts_of("th")
    assert ("class", "n bad") in page.attributes
    assert ("class", "n bad") not in page_of(contents).attributes


def test_report_shows_mistakes_with_what_the_model_looked_at(plain: Page) -> None:
    assert any(text.startswith("The surest mistakes first.") for text in plain.texts_of("p"))
    assert any(text.startswith("✗ said cat, is dog") for text in plain.texts_of("span"))
    assert plain.tags.count("img") == 2
    assert "dog/7.jpg" in plain.texts_of("code")


def test_report_without_mistakes_shows_what_the_model_was_least_sure_about() -> None:
    right = Judged("cat/1.jpg", "cat", "cat", {"cat": 0.5, "dog": 0.5}, "", "")
    page = page_of(made_contents("cat", "dog", judged=[right]))

    assert any(text.startswith("None. These are the photos") for text in page.texts_of("p"))
    assert any(text.startswith("✓ said cat") for text in page.texts_of("span"))
    assert "img" not in page.tags


def test_report_shows_the_configuration_and_environment_of_the_run() -> None:
    page = page_of(made_contents("cat", "dog", overrides=("name=my-run",)))
    (text,) = page.texts_of("pre")

    assert text.startswith("name: my-run # Of the pipeline:")
    assert "size: 160 # " in text
    assert "2.21.0" in page.texts_of("td")


def test_report_of_a_model_that_is_not_blessed_says_why() -> None:
    contents = made_contents("cat", "dog", blessed=False)
    reasons = ["accuracy 0.600 is 0.200 below min = 0.8", "accuracy is 0.300 below <that>"]
    page = page_of(replace(contents, measured=replace(contents.measured, reasons=reasons)))

    assert f"✗ Not blessed, so not pushed: {'; '.join(reasons)}." in page.texts_of("p")
    assert not any("Blessed: the model reached" in text for text in page.texts_of("p"))


def test_report_of_a_model_that_is_refused_says_why() -> None:
    because = "serving would give other answers: <a> is 'cat'"
    served = replace(SERVED, refused_because=because, latency_ms=None, p95_ms=None)
    page = page_of(made_contents("cat", "dog", served=served))

    assert f"✗ Must not be served: {because}." in page.texts_of("p")
    assert "Served without this project" not in page.html


def test_report_shows_what_serving_takes(plain: Page) -> None:
    assert (
        "Served without this project: 21 ms for a photo (95 of 100 below 31 ms) on the CPU of the "
        "machine that trained it, 11.5 MB." in plain.texts_of("p")
    )


def test_report_shows_statistics_and_anomalies() -> None:
    odd = [{"kind": "drift", "feature": "label", "sentence": "Label has <drifted>."}]
    page = page_of(made_contents("cat", "dog", anomalies=odd))

    assert " \N{EN DASH} ".join(["1,500", "20,000", "1,000,000"]) in page.texts_of("td")
    assert " \N{EN DASH} ".join(["0.25", "0.5", "0.75"]) in page.texts_of("td")
    assert "Label has <drifted>." in page.texts_of("p")
    assert "Label has <drifted>." in page.texts_of("li")  # A limit, in the model card.


def with_survey(**found: Any) -> Contents:
    return made_contents("cat", "dog", survey=made_survey("cat", "dog", **found))


def test_report_lists_the_files_that_were_set_aside(plain: Page) -> None:
    files = [
        {"path": f"cat/<{n}>.jpg", "class": "cat", "reason": "empty", "bytes": n}
        for n in range(102)
    ]
    page = page_of(with_survey(quarantined=files))

    assert "102 files were not used, and nothing was learnt from them." in page.texts_of("p")
    assert "cat/<0>.jpg" in page.texts_of("code")
    assert "cat/<99>.jpg" in page.texts_of("code")
    assert "cat/<100>.jpg" not in page.texts_of("code")
    assert "and 2 more, in the Quarantine artifact" in page.texts_of("p")
    assert "Set aside" not in plain.texts_of("h3")


def test_report_shows_what_is_odd_about_the_photos() -> None:
    groups = [[f"cat/<{n}>.jpg", f"cat/{n}-copy.jpg"] for n in range(21)]
    page = page_of(
        with_survey(layout="split folders", duplicate_groups=groups, warnings=["<b> is small."])
    )

    assert (
        "80 photos in the splits that the data gives, 21 pictures more than once."
    ) in page.texts_of("p")
    assert "<b> is small." in page.texts_of("p")
    assert "cat/19-copy.jpg" in page.texts_of("code")
    assert "cat/20-copy.jpg" not in page.texts_of("code")


def suspicions(count: int, label: str = "cat") -> list[LabelSuspicion]:
    return [
        LabelSuspicion(f"{label}/<{n}>.jpg", label, "dog", 0.25, 0.75, "train")
        for n in range(count)
    ]


def test_report_lists_the_labels_that_look_wrong() -> None:
    shown = {"cat/<0>.jpg": "data:,"}
    page = page_of(made_contents("cat", "dog", suspicions=suspicions(52), pictures=shown))

    (meaning,) = (text for text in page.texts_of("p") if text.startswith("52 of the labels"))
    assert "hints, not verdicts" in meaning
    assert "75 %" in page.texts_of("td")
    assert "cat/<49>.jpg" in page.texts_of("code")
    assert "cat/<50>.jpg" not in page.texts_of("code")
    assert "and 2 more, in the LabelSuspicions artifact" in page.texts_of("p")
    assert page.tags.count("img") == 3


def test_report_of_one_label_that_looks_wrong_is_in_the_singular() -> None:
    page = page_of(made_contents("cat", "dog", suspicions=suspicions(1)))

    assert any(text.startswith("1 of the labels does not fit") for text in page.texts_of("p"))


def test_report_says_so_where_every_label_fits(plain: Page) -> None:
    assert "None: every label fits what the other photos teach." in plain.texts_of("p")


@pytest.fixture(scope="module")
def harmless() -> Page:
    """A report with one label that looks wrong."""
    return page_of(made_contents("cat", "dog", suspicions=suspicions(1)))


def structure(page: Page) -> list[str]:
    """Returns the tags of a page; how many a chart has depends on the width of its labels."""
    charts = re.compile(r"<svg.*?</svg>", re.DOTALL)
    return Page(charts.sub("", page.html)).tags


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_hostile_class_name_is_shown_as_text(harmless: Page, label: str) -> None:
    page = page_of(made_contents("cat", label, suspicions=suspicions(1, label)))

    assert structure(page) == structure(harmless)
    assert {name for name, _ in page.attributes} == {name for name, _ in harmless.attributes}
    shown = " ".join(label.split())
    assert {shown, f"said {shown}", f"is {shown}"} <= set(page.texts_of("th"))
    assert f"{shown}/<0>.jpg" in page.texts_of("code")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_name_of_the_data_folder_is_shown_as_text(plain: Page, name: str) -> None:
    page = page_of(made_contents("cat", "dog", data=f"/photos/{name}"))

    assert structure(page) == structure(plain)
    assert page.texts_of("code")[0] == " ".join(f"/photos/{name}".split())


def test_report_needs_nothing_but_itself() -> None:
    page = page_of(made_contents("cat", "dog", pictures={"cat/<0>.jpg": "data:,"}))

    names = {name for name, _ in page.attributes}
    assert names & {"srcset", "action", "data", "background", "poster"} == set()
    assert not any(name.startswith("on") for name in names)
    assert set(page.tags) & {"script", "link", "iframe", "object", "form", "base"} == set()
    for name, value in page.attributes:
        if name in {"src", "href", "xlink:href"}:
            assert value is not None
            assert value.startswith(("data:,", "#"))
    loaded = page.html.replace("http://www.w3.org/", "")  # Names of SVG's namespaces.
    assert re.search(r"https?:|url\((?!#)|@import", loaded) is None


def test_report_forbids_the_browser_to_load_or_run_anything(plain: Page) -> None:
    assert (
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    ) in plain.attributes


def test_every_section_is_reached_by_keyboard(plain: Page) -> None:
    targets = {value[1:] for name, value in plain.attributes if name == "href" and value}

    assert {"metrics", "mistakes", "card"} <= targets
    assert targets <= {value for name, value in plain.attributes if name == "id"}
