"""Tests of using the page: keys, choosing runs, links that hold what is shown, and live runs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_window import DESK, PHONE, Window, opened
from made_store import CACHED, EXECUTED, FAILED, RUNNING, MadeStore
from page_process import served
from waiting import wait_until

from benchmarks.review import make_store
from schemas import run_record

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeStore:
    """Three runs, the last of which failed."""
    made = MadeStore(tmp_path_factory.mktemp("made"))
    for number, name in enumerate(("one", "two", "three"), 1):
        made.execution(name, "Trainer", state=FAILED if name == "three" else EXECUTED)
        settings = {run_record.CONFIGURATION: f"rate: {number}\nviews: 3\n"}
        made.context("pipeline_run", name, **settings)
    logs = made.output.runs / "one" / "logs"
    logs.mkdir(parents=True)
    (logs / "Trainer.txt").write_text("".join(f"line {n}\n" for n in range(1, 200)))
    return made


@pytest.fixture(scope="module")
def root(browser: Browser, made: MadeStore) -> Iterator[str]:
    with served(made.root) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def window(browser: Browser, root: str) -> Iterator[Window]:
    yield from opened(browser, root)


def test_rows_are_walked_through_and_opened_by_keys(window: Window) -> None:
    window.open("/runs")
    keys = window.page.keyboard

    keys.press("j")
    assert window.focused == "three"
    keys.press("j")
    keys.press("j")
    keys.press("j")
    assert window.focused == "one"
    keys.press("k")
    assert window.focused == "two"
    keys.press("Enter")
    window.page.wait_for_url(re.compile(r"/runs/\d+$"))
    assert window.page.get_by_role("heading", level=1).inner_text() == "Run two"
    assert window.wrong == []


def test_run_is_chosen_by_a_key_and_two_are_compared(window: Window) -> None:
    window.open("/runs")
    compare = window.page.get_by_role("button", name="Compare chosen runs")
    assert compare.is_disabled()

    for key in ("j", "x", "j", "x"):
        window.page.keyboard.press(key)
    assert window.page.locator("input[name=run]:checked").count() == 2
    assert window.page.get_by_text("2 chosen, of two to five.").is_visible()
    compare.click()

    window.page.wait_for_url(re.compile(r"/compare\?run=\d+&run=\d+$"))
    row = window.page.get_by_role("region", name="Configuration").locator("tbody tr")
    # The older run is the first, whichever was chosen first.
    assert row.inner_text().split() == ["rate", "2", "3"]


def test_keys_find_the_search_the_help_and_other_pages(window: Window) -> None:
    window.open("/runs")
    keys = window.page.keyboard

    keys.press("/")
    keys.type("two j")
    assert window.page.get_by_label("Search").input_value() == "two j"
    window.page.get_by_label("Search").blur()
    keys.press("?")
    assert window.page.get_by_role("dialog", name="Keys").is_visible()
    keys.press("j")
    keys.press("Escape")
    assert not window.page.get_by_role("dialog").is_visible()
    keys.press("g")
    keys.press("a")
    window.page.wait_for_url("**/artifacts")


def test_keys_of_the_browser_are_left_to_it(window: Window) -> None:
    window.open("/runs")

    window.page.keyboard.press("Control+j")
    window.page.keyboard.press("Alt+x")

    assert window.page.evaluate("document.activeElement === document.body")


def test_everything_is_reached_with_tab_and_the_focus_is_seen(window: Window) -> None:
    window.open("/runs")

    window.page.keyboard.press("Tab")
    assert window.focused == "Skip to the content"
    assert window.page.get_by_text("Skip to the content").is_visible()
    seen = set()
    for _ in range(40):
        window.page.keyboard.press("Tab")
        seen.add(window.focused)
        style = "getComputedStyle(document.activeElement).outlineStyle"
        if window.page.evaluate("document.activeElement !== document.body"):
            assert window.page.evaluate(style) != "none", window.focused
    assert {"Runs", "Production", "Artifacts", "one", "two", "three", "Filter"} <= seen


def test_what_is_chosen_is_in_the_address(window: Window) -> None:
    window.open("/runs")
    window.page.get_by_label("State").select_option("failed")
    window.page.get_by_role("button", name="Filter").click()

    window.page.wait_for_url(re.compile("state=failed"))
    assert window.page.locator("tr[data-row]").count() == 1
    address = window.page.url
    window.page.goto("about:blank")
    window.page.goto(address)
    assert window.page.get_by_label("State").input_value() == "failed"
    assert window.page.locator("tr[data-row] th").inner_text() == "three"


def test_line_of_a_log_has_an_address(window: Window) -> None:
    window.open("/runs")
    window.page.get_by_role("link", name="one", exact=True).click()
    window.page.get_by_role("link", name="Trainer", exact=True).click()
    window.page.get_by_role("link", name="The whole log").click()
    window.page.get_by_role("link", name="150", exact=True).click()

    assert window.page.url.endswith("/log#L150")
    window.page.goto("about:blank")
    window.page.go_back()
    assert window.page.locator("tr:target").inner_text().split() == ["150", "line", "150"]
    assert window.page.locator("tr:target").is_visible()


def test_page_can_be_read_without_scripts(browser: Browser, root: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{root}/runs")
    page.get_by_label("Compare run one").check()
    page.get_by_label("Compare run two").check()
    page.get_by_role("button", name="Compare chosen runs").click()

    assert page.get_by_role("heading", level=1).inner_text() == "Comparison"
    context.close()


def test_run_that_goes_on_is_followed_without_a_new_page(browser: Browser, tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.execution("live", "Gen", state=CACHED)
    (execution,) = _execute(made, "live", "Trainer")
    with served(tmp_path) as port:
        for window in opened(browser, f"http://127.0.0.1:{port}"):
            window.open("/runs")
            window.page.get_by_role("link", name="live", exact=True).click()
            window.page.evaluate("window.sameDocument = true")
            rows = window.page.locator("tr[data-row]")
            assert rows.count() == 2
            window.page.locator("tr[data-row] a").first.focus()

            made.execution("live", "Pusher")
            rows.nth(2).wait_for(timeout=10_000)
            execution.last_known_state = FAILED
            execution.custom_properties[run_record.ERROR].string_value = "It broke."
            made.store.put_executions([execution])

            window.page.locator("#live:not([data-live])").wait_for(timeout=10_000)
            assert window.page.locator(".facts .state").inner_text() == "✗ failed"
            assert window.page.locator("p.error").inner_text() == "Trainer It broke."
            assert window.page.evaluate("window.sameDocument")
            assert window.focused == "Gen"
            assert window.wrong == []


def _execute(made: MadeStore, run: str, node: str) -> list[object]:
    """Starts a component; returns its execution."""
    made.execution(run, node, state=RUNNING)
    context = made.store.get_context_by_type_and_name("pipeline_run", run)
    return [one for one in made.store.get_executions_by_context(context.id) if node in one.type]


def listed_after_reload(window: Window) -> bool:
    window.page.reload()
    return window.page.locator("tr[data-row]").count() > 0


def states_until_it_ended(window: Window) -> set[tuple[str, ...]]:
    """Returns all states of the components that were ever shown together."""
    seen = set()

    def ended() -> bool:
        seen.add(tuple(window.page.locator("tr[data-row] .state").all_inner_texts()))
        return window.page.locator("[data-live]").count() == 0

    wait_until(ended, 900)
    return seen


@pytest.mark.slow
def test_real_run_is_followed_from_its_beginning_to_its_end(
    browser: Browser, tmp_path: Path
) -> None:
    script = "from cli.main import main; main()"
    command = [sys.executable, "-c", script, "pipeline", "run", "--data", "samples/photos"]
    options = ["--output", str(tmp_path), "--set", "frozen.epochs=2", "--set", "fine_tune.epochs=1"]
    with subprocess.Popen(
        [*command, *options], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        wait_until((tmp_path / "metadata.sqlite").exists, 120)
        with served(tmp_path) as port:
            for window in opened(browser, f"http://127.0.0.1:{port}"):
                window.open("/runs")
                wait_until(lambda window=window: listed_after_reload(window), 120)
                window.page.locator("tr[data-row] th a").click()
                window.page.locator("[data-live]").wait_for()
                window.page.evaluate("window.sameDocument = true")
                seen = states_until_it_ended(window)
                assert run.wait(60) == 0, run.stdout.read()[-2000:] if run.stdout else ""
                assert window.page.locator(".facts .state").first.inner_text() == "✓ succeeded"
                assert window.page.evaluate("window.sameDocument")
                assert len(seen) > 8
                assert window.wrong == []


@pytest.mark.slow
def test_thousand_runs_are_listed_searched_and_fit(browser: Browser, tmp_path: Path) -> None:
    make_store(tmp_path / "metadata.sqlite", 1000)
    with served(tmp_path) as port:
        for window in opened(browser, f"http://127.0.0.1:{port}"):
            window.open("/runs")
            assert window.page.locator("tr[data-row]").count() == 50
            window.page.get_by_role("link", name="older →").click()
            window.page.get_by_text("page 2 of 20").wait_for()
            window.page.get_by_label("Search").fill("000042Z")
            window.page.get_by_role("button", name="Filter").click()
            window.page.get_by_text("1 of 1000").wait_for()
            for width in (DESK, PHONE):
                window.resize(width)
                assert window.overflow <= 0
            assert window.wrong == []
