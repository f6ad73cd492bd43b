"""Tests of a store that someone made to do harm; each attack is named as it was published.

`docs/review-security.md` lists the rules. The guard's own tests are in `test_guard.py`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from audited_crawl import Audit, audited_crawl
from hostile_store import (
    HOSTILE_NAMES,
    IMAGE,
    LINES,
    LONG,
    QUOTES,
    SCRIPT,
    SECRET,
    TURNED,
    HostileStore,
    make_hostile_store,
)
from page_client import PORT, Answer, PageClient

from review.page.app import WRITING
from review.page.guard import Access

PROJECT = Path(__file__).resolve().parents[3]

# Shown, led on to another page, or not there.
SOUND = {200, 303, 404}

# Of HTML and SVG: no other element is on any page but the reports, which are sandboxed.
ELEMENTS = {
    *("html", "head", "meta", "title", "link", "script", "body", "header", "nav", "main", "footer"),
    *("section", "div", "p", "h1", "h2", "h3", "h4", "ul", "ol", "li", "dl", "dt", "dd", "pre"),
    *("a", "span", "strong", "code", "kbd", "time", "details", "summary", "figure", "figcaption"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "iframe", "img", "dialog"),
    *("form", "fieldset", "legend", "label", "input", "select", "option", "button"),
    *("svg", "defs", "marker", "g", "path", "rect", "circle", "line", "text"),
}


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A crawl of the page over a hostile store."""
    return audited_crawl(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def hostile(audit: Audit) -> HostileStore:
    return audit.store


@pytest.fixture(scope="module")
def answers(audit: Audit) -> dict[str, Answer]:
    """Whatever the page leads to."""
    return audit.answers


@pytest.fixture(scope="module")
def page(hostile: HostileStore) -> PageClient:
    return PageClient(hostile.output)


def assert_closed(page: PageClient, hostile: HostileStore, place: str) -> None:
    """Nothing of what a store calls an artifact's place is read, listed or measured."""
    place = place.format(root=hostile.output.root, outside=hostile.outside)
    number = hostile.artifacts[place]
    found = page.get(f"/artifacts/{number}.json").data
    assert found["uri"] == place
    assert (found["files"], found["file_count"], found["bytes"]) == ([], 0, None)
    run = found["artifact"]["run_id"]
    shown = page.get(f"/runs/{run}.json").data["run"]
    assert (shown["results"]["metrics"], shown["results"]["photos"]) == ({}, None)
    for report in (f"/runs/{run}/report", f"/runs/{run}/report/page"):
        answer = page.get(report)
        assert answer.status == 404
        assert SECRET not in answer.text


def test_crawl_came_everywhere(answers: dict[str, Answer], hostile: HostileStore) -> None:
    paths = (re.sub("[0-9a-f]{64}", "D", target.partition("?")[0]) for target in answers)
    kinds = {re.sub(r"\d+", "N", path) for path in paths}

    assert kinds >= {
        *("/", "/runs", "/runs/N", "/runs/N/components/N", "/runs/N/components/N/log"),
        *("/runs/N/report", "/runs/N/report/page", "/runs/N/events", "/compare", "/production"),
        *("/artifacts", "/artifacts/N", "/artifacts/N/lineage", "/static/page.css"),
        *("/runs/N/photos", "/runs/N/mistakes", "/runs/N/labels", "/runs/N/photos/D.jpg"),
        *("/photos/D", "/photos/D.json"),
        *("/runs.json", "/runs/N.json", "/artifacts/N/lineage.json", "/compare.json"),
    }
    for number in (*hostile.runs.values(),):
        assert f"/runs/{number}" in answers
    for number in (*hostile.artifacts.values(),):
        assert f"/artifacts/{number}" in answers


def test_no_page_fails_whatever_the_store_says(answers: dict[str, Answer]) -> None:
    failed = {t: answer.status for t, answer in answers.items() if answer.status not in SOUND}

    assert failed == {}
    # What is not there is said in a sentence, and is not much of what is asked for.
    missing = [answer for answer in answers.values() if answer.status == 404]
    assert len(missing) < len(answers) / 2


def test_nothing_outside_of_the_folder_is_shown(answers: dict[str, Answer]) -> None:
    assert [t for t, answer in answers.items() if SECRET.encode() in answer.content] == []


@pytest.mark.parametrize("place", ["{outside}", "/etc", "/proc/self", "/dev/stdin", "", ".."])
def test_cve_2023_1177_uri_in_the_store_is_no_root(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


def test_cve_2023_1177_the_folder_itself_is_no_artifact(
    page: PageClient, hostile: HostileStore
) -> None:
    assert_closed(page, hostile, "{root}")


@pytest.mark.parametrize("place", ["file://{outside}", "file:///{outside}"])
def test_ghsa_wjq3_7jxx_whj9_file_scheme_is_no_way_around(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


@pytest.mark.parametrize("place", ["{root}/../outside", "{root}/artifacts/../../outside", ".."])
def test_cve_2023_2356_relative_path_stays_below_the_folder(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


@pytest.mark.parametrize("place", ["{root}/artifacts\\..\\..\\outside", "\\\\host\\share"])
def test_cve_2023_2780_backslash_is_no_separator(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


@pytest.mark.parametrize("place", ["C:\\Windows", "C:../../outside"])
def test_cve_2023_6753_drive_of_windows_is_no_place(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


@pytest.mark.parametrize(
    "place",
    [
        *("http:///?/" + "../" * 12 + "etc", "http://{root}/?/" + "../" * 12 + "{outside}"),
        *("file://{root}/?/" + "../" * 12 + "{outside}",),
        "{root}/artifacts/a?/../../../outside",
    ],
)
def test_cve_2023_6909_dots_in_the_query_of_a_uri_lead_nowhere(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


def test_cve_2024_2928_dots_in_the_fragment_of_a_uri_lead_nowhere(
    page: PageClient, hostile: HostileStore
) -> None:
    assert_closed(page, hostile, "{root}/artifacts/a#/../../../outside")


def test_cve_2024_1593_parameters_after_a_semicolon_lead_nowhere(
    page: PageClient, hostile: HostileStore
) -> None:
    assert_closed(page, hostile, "{root}/artifacts/a;/../../outside")
    assert page.get("/artifacts;/../../etc/passwd").status == 404
    assert page.get("/artifacts/1;/../../../etc").status == 404


@pytest.mark.parametrize(
    "place",
    [
        "{root}/artifacts/%2e%2e/%2e%2e/outside",
        "{root}/artifacts/%252e%252e/%252e%252e/outside",
    ],
)
def test_cve_2024_1560_uri_is_not_decoded(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


@pytest.mark.parametrize("place", ["file://localhost{outside}", "javascript:alert(1)"])
def test_cve_2024_3573_what_looks_local_is_not_taken_for_it(
    page: PageClient, hostile: HostileStore, place: str
) -> None:
    assert_closed(page, hostile, place)


def test_cve_2024_3573_two_slashes_name_no_other_root(
    page: PageClient, hostile: HostileStore
) -> None:
    assert_closed(page, hostile, "//" + str(hostile.outside).lstrip("/"))


def test_mlflow_18964_link_out_of_the_folder_is_not_followed(
    page: PageClient, hostile: HostileStore
) -> None:
    assert_closed(page, hostile, "{root}/artifacts/link")
    turned = hostile.runs[TURNED]
    assert page.get(f"/runs/{turned}/report/page").text != f"{SECRET}"
    (trainer,) = (
        row["execution"]
        for row in page.get(f"/runs/{turned}.json").data["components"]
        if row["node"] == "Trainer"
    )
    log = page.get(f"/runs/{turned}/components/{trainer}/log.json").data
    assert (log["log"]["run"], log["lines"]) == (None, [])


def test_mlflow_18964_folder_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    store = make_hostile_store(tmp_path)
    page = PageClient(store.output)
    report = f"/runs/{store.runs[IMAGE]}/report/page"
    assert len(page.get("/production.json").data["versions"]) == 2
    assert IMAGE in page.get(report).text

    for folder in (store.output.models, store.output.runs):
        folder.rename(store.outside / folder.name)
        folder.symlink_to(store.outside / folder.name)

    assert page.get("/production.json").data["versions"] == []
    assert IMAGE not in page.get(report).text


def test_mlflow_18964_version_that_is_a_link_is_not_served(page: PageClient) -> None:
    versions = page.get("/production.json").data["versions"]

    assert [(one["version"]["number"], one["version"]["run"]) for one in versions] == [
        (3, IMAGE),
        (2, None),  # Its record is a link.
    ]


def test_mlflow_18964_decisions_that_are_a_link_are_neither_read_nor_replaced(
    tmp_path: Path,
) -> None:
    store = make_hostile_store(tmp_path)
    store.output.corrections.symlink_to(store.outside / "corrections.csv")
    page = PageClient(store.output)

    shown = page.get(f"/runs/{store.runs[IMAGE]}/labels.json")

    assert shown.status == 503
    assert shown.data["error"] == (
        f"{store.output.corrections} is a link, which this page does not follow; put the file "
        "itself there."
    )
    assert store.output.corrections.is_symlink()


def test_cve_2025_1473_decision_needs_the_token_of_the_page(
    tmp_path: Path,
) -> None:
    store = make_hostile_store(tmp_path)
    page = PageClient(store.output, Access("127.0.0.1", PORT, writing=WRITING))
    target = f"/runs/{store.runs[IMAGE]}/labels"
    shown = page.get(target)
    (row, *_) = page.get(f"{target}.json").data["doubts"]
    form = {"sha256": row["sha256"], "path": row["path"], "decision": "leave_out"}
    token = re.findall('name="token" value="([^"]+)"', shown.text)[0]

    assert page.post(target, **form).status == 403
    assert page.post(target, **form, token="").status == 403
    assert page.post(target, **form, token=token[:-1]).status == 403
    assert page.post(target, ("origin", "null"), **form, token=token).status == 403
    assert page.post(target, ("origin", "http://evil.example"), **form, token=token).status == 403
    assert page.post(target, ("accept", "*/*"), **form, token=token).status == 403
    assert page.get(f"{target}?token={token}&decision=leave_out").status == 200
    other = form | {"path": "../../elsewhere", "token": token}
    assert page.post(target, **other).status == 404
    assert not store.output.corrections.exists()

    assert page.post(target, **form, token=token).status == 303
    assert row["path"] in store.output.corrections.read_text(encoding="utf-8")


def test_picture_is_made_anew_or_not_shown(
    page: PageClient, hostile: HostileStore, answers: dict[str, Answer]
) -> None:
    pictures = {t: a for t, a in answers.items() if t.endswith(".jpg")}
    shown = [answer for answer in pictures.values() if answer.status == 200]

    assert shown
    assert len(shown) < len(pictures)
    for answer in shown:
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content.startswith(b"\xff\xd8\xff")
        assert b"alert" not in answer.content


def test_pipe_is_not_waited_for(page: PageClient, hostile: HostileStore) -> None:
    assert_closed(page, hostile, "{root}/artifacts/pipe")


@pytest.mark.parametrize(
    "target",
    [
        *("/../../etc/passwd", "/static/../../../../etc/passwd", "/static/../app.py"),
        *("/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/..%5capp.py"),
        *("/static//etc/passwd", "/static/%00", "/static/page.js%00.css", "/static/.", "/static/"),
        *("/runs/1/../../../etc/passwd", "/runs/..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd"),
        *("/artifacts/../secret", "/artifacts/-1", "/artifacts/1e3", "/artifacts/0x1", "/runs/+1"),
        *("/artifacts/%EF%BC%91", "/artifacts/ 1", "/runs/1/report/page/.."),
    ],
)
def test_mlflow_7166_path_in_an_address_names_no_file(page: PageClient, target: str) -> None:
    answer = page.get(target)

    assert answer.status in {404, 307}
    assert answer.status == 404 or answer.headers["location"].startswith("http://127.0.0.1:")
    assert b"root:" not in answer.content
    assert b"import" not in answer.content


@pytest.mark.parametrize(
    "target",
    [
        *("/static/%252e%252e%252fapp.py", "/artifacts/%2531", "/runs/%2531", "/%2572uns"),
        *("/static/%25252e%25252e/app.py", "/static/%2570age.js"),
    ],
)
def test_cve_2024_1560_double_decoding_of_an_address_finds_nothing(
    page: PageClient, target: str
) -> None:
    assert page.get(target).status == 404


@pytest.mark.parametrize(
    "name",
    ["source", "uri", "path", "artifact_location", "artifact_uri", "file", "filepath", "root"],
)
def test_cve_2026_2614_no_parameter_names_a_place(
    page: PageClient, hostile: HostileStore, name: str
) -> None:
    number = hostile.artifacts[str(hostile.output.root)]
    for target in ("/runs.json", f"/artifacts/{number}.json", "/production.json"):
        plain = page.get(target)
        for value in (hostile.outside, "/etc/passwd", "..%2f..", f"file://{hostile.outside}"):
            assert page.get(f"{target}?{name}={value}").content == plain.content


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 19, "1" * 30, "0" * 4000 + "1"])
@pytest.mark.parametrize("target", ["/runs/{}", "/artifacts/{}", "/artifacts/{}/lineage.json"])
def test_id_that_no_store_has_is_not_found(page: PageClient, number: str, target: str) -> None:
    assert page.get(target.format(number)).status == 404


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and all of its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def pages(answers: dict[str, Answer]) -> Iterator[tuple[str, Elements]]:
    for target, answer in answers.items():
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        if is_page and not target.endswith("/report/page"):
            yield target, Elements(answer.text)


def test_xss_every_name_is_text_on_every_page(answers: dict[str, Answer]) -> None:
    for target, page in pages(answers):
        assert {tag for tag, _ in page.found} <= ELEMENTS, target
        for tag, attributes in page.found:
            assert not [name for name in attributes if name.startswith("on")], (target, tag)
            assert not attributes.keys() & {"style", "srcdoc", "formaction", "xlink:href"}, target
            if tag == "script":
                assert attributes == {"src": "/static/page.js", "defer": None}, target
            for name in attributes.keys() & {"href", "src", "action"}:
                value = attributes[name] or ""
                own = value.startswith(("/", "?", "#")) and not value.startswith("//")
                assert own or (tag == "link" and value == "data:,"), (target, tag, value)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_xss_hostile_run_is_shown_under_its_name(
    page: PageClient, hostile: HostileStore, name: str
) -> None:
    number = hostile.runs[name]
    shown = Elements(page.get(f"/runs/{number}").text)

    assert any(name.replace("\r\n", "\n") in text.replace("\r\n", "\n") for text in shown.texts)
    assert page.get(f"/runs/{number}.json").data["run"]["name"] == name


def test_xss_titles_and_labels_in_the_graph_are_text(
    page: PageClient, hostile: HostileStore
) -> None:
    shown = Elements(page.get(f"/runs/{hostile.runs[QUOTES]}").text)
    labels = [a["aria-label"] for tag, a in shown.found if tag == "a" and "aria-label" in a]

    assert any(str(label).startswith(f"{IMAGE}, failed") for label in labels)
    assert any(text.startswith(f"{IMAGE}, failed") for text in shown.texts)


def test_templates_in_a_name_are_not_run(answers: dict[str, Answer]) -> None:
    assert any("{{ 7 * 7 }}" in text for _, shown in pages(answers) for text in shown.texts)
    assert not any(b"<svg onload=alert(1)>49" in answer.content for answer in answers.values())


def test_xss_json_is_never_taken_for_a_page(answers: dict[str, Answer]) -> None:
    found = {t: a for t, a in answers.items() if t.partition("?")[0].endswith(".json")}

    assert len(found) > 100
    for target, answer in found.items():
        assert answer.headers["content-type"] == "application/json", target
        assert answer.headers["x-content-type-options"] == "nosniff", target
        assert isinstance(answer.data, dict), target


def test_report_is_shown_without_scripts_in_a_frame(
    page: PageClient, hostile: HostileStore
) -> None:
    number = hostile.runs[IMAGE]
    report = page.get(f"/runs/{number}/report/page")
    around = Elements(page.get(f"/runs/{number}/report").text)
    (frame,) = (attributes for tag, attributes in around.found if tag == "iframe")

    assert SCRIPT in report.text
    assert report.headers["content-security-policy"] == (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "frame-ancestors 'self'"
    )
    assert report.headers["x-frame-options"] == "SAMEORIGIN"
    assert (frame["src"], frame["sandbox"]) == (f"/runs/{number}/report/page", None)


def test_log_is_text_without_the_colours_of_a_terminal(
    page: PageClient, hostile: HostileStore
) -> None:
    number = hostile.runs[LINES]
    execution = next(
        row["execution"]
        for row in page.get(f"/runs/{number}.json").data["components"]
        if row["node"] == "Evaluator"
    )
    found = page.get(f"/runs/{number}/components/{execution}/log")

    assert "\x1b" not in found.text
    assert "\x00" not in found.text
    assert f"ValueError: {IMAGE}" in "".join(Elements(found.text).texts)


def test_name_of_300_characters_is_shown_whole_where_there_is_room(
    page: PageClient, hostile: HostileStore
) -> None:
    assert LONG in page.get(f"/runs/{hostile.runs[LONG]}").text


def test_reading_changes_neither_the_store_nor_the_folder(audit: Audit) -> None:
    assert len(audit.answers) > 400
    assert audit.after == audit.before
    assert str(audit.store.output.metadata) in audit.before


def test_nothing_outside_of_the_folder_is_opened(audit: Audit) -> None:
    """Whatever is opened lies in the folder, or belongs to Python and this project."""
    root = str(audit.store.output.root)
    own = [root, str(PROJECT), *(p for p in (sys.prefix, sys.base_prefix, *sys.path) if p)]
    allowed = tuple(f"{os.path.realpath(place)}{os.sep}" for place in own)
    wrong = [
        one
        for one in audit.opened
        if not (
            one.is_bare
            or one.place == f"file://{root}/metadata.sqlite?mode=ro"
            or f"{os.path.realpath(one.place)}{os.sep}".startswith(allowed)
        )
    ]

    assert sum(one.place.startswith(root) for one in audit.opened) > 100
    assert sum(one.is_bare for one in audit.opened) > 100
    assert wrong == []


def test_cve_2023_6570_no_page_makes_the_server_ask_others_or_write(audit: Audit) -> None:
    assert audit.reached == []
