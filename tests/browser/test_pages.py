"""Tests of every page in a browser: it loads, fits, is accessible, and asks nobody else."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_window import DESK, PHONE, SCREENSHOTS, Window
from hostile_store import HOSTILE_NAMES, IMAGE, LINES, LONG, TURNED, HostileStore

PAGES = (
    *("runs", "run", "component", "log", "report", "photos", "mistakes", "labels", "photo"),
    *("artifacts", "examples", "model", "evaluation", "lineage", "production", "sorry"),
)


def asked(root: str, path: str) -> Any:
    with urllib.request.urlopen(f"{root}{path}") as answer:  # noqa: S310 (our own server)
        return json.load(answer)


@pytest.fixture(scope="module")
def paths(real_root: str) -> dict[str, str]:
    """The path of each page, by the name of what it shows."""
    runs = asked(real_root, "/runs.json")["runs"]
    run = next(row["id"] for row in runs if row["name"] == "first")
    components = asked(real_root, f"/runs/{run}.json")["components"]
    trainer = next(row for row in components if row["node"] == "Trainer")
    made = {one["type"]: one["id"] for row in components for one in row["outputs"]}
    photo = asked(real_root, f"/runs/{run}/photos.json")["photos"][0]["sha256"]
    of_run, component = f"/runs/{run}", f"/runs/{run}/components/{trainer['execution']}"
    return {
        "runs": "/runs",
        "run": of_run,
        "component": component,
        "log": f"{component}/log",
        **{name: f"{of_run}/{name}" for name in ("report", "photos", "mistakes", "labels")},
        "photo": f"/photos/{photo}",
        "artifacts": "/artifacts",
        "examples": f"/artifacts/{made['Examples']}",
        "model": f"/artifacts/{made['Model']}",
        "evaluation": f"/artifacts/{made['ModelEvaluation']}",
        "lineage": f"/artifacts/{made['Model']}/lineage",
        "production": "/production",
        "sorry": "/runs/999999",
    }


def serious(window: Window) -> Iterator[str]:
    """Names what axe-core calls serious or critical."""
    for found in Axe().run(window.page).response["violations"]:
        if found["impact"] in {"serious", "critical"}:
            for node in found["nodes"]:
                yield f"{found['id']}: {node['html'][:150]}"


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_is_accessible_and_asks_nobody_else(
    real: Window, paths: dict[str, str], name: str
) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[str]] = {}
    real.open(paths[name])
    for width in (DESK, PHONE):
        real.resize(width)
        for scheme in ("dark", "light"):
            real.page.emulate_media(color_scheme=scheme)
            if issues := list(serious(real)):
                found[f"{width} {scheme}"] = issues
        real.page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)
        assert real.overflow <= 0, f"wider than {width} pixels"

    assert found == {}
    expected = [
        "error: Failed to load resource: the server responded with a status of 404 (Not Found)"
    ]
    assert real.wrong == (expected if name == "sorry" else [])


def test_page_in_print_shows_no_navigation(real: Window, paths: dict[str, str]) -> None:
    real.open(paths["run"])
    real.page.emulate_media(media="print")

    for hidden in (".top", ".tabs", ".skip"):
        assert real.page.locator(hidden).count() == 1
        assert not real.page.locator(hidden).is_visible(), hidden
    assert real.page.get_by_role("heading", level=1).is_visible()
    assert real.page.pdf().startswith(b"%PDF")


def test_report_runs_no_script_and_is_in_a_frame_of_its_own(
    real: Window, paths: dict[str, str]
) -> None:
    real.open(paths["report"])
    (frame,) = (frame for frame in real.page.frames if frame != real.page.main_frame)
    frame.wait_for_load_state()

    assert frame.url.endswith("/report/page")
    assert frame.locator("body").inner_text()
    assert real.page.evaluate("document.querySelector('iframe').contentDocument") is None
    assert real.wrong == []


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_hostile_name_is_text_and_breaks_no_page(
    odd: Window, hostile: HostileStore, name: str, width: int
) -> None:
    number = hostile.runs[name]
    odd.resize(width)
    for path in (f"/runs/{number}", f"/runs?q={number}", f"/runs/{number}/report"):
        odd.open(path)
        assert odd.page.locator("img[src=x], script:not([src]), [onload], [onerror]").count() == 0
        assert odd.overflow <= 0, path
    odd.open(f"/runs/{number}")
    shown = re.sub(r"\s+", " ", odd.page.get_by_role("heading", level=1).inner_text())
    assert shown == "Run " + re.sub(r"\s+", " ", name)

    odd.page.screenshot(path=_picture(f"hostile-{number}", width), full_page=True)
    # Of what is not there, and of scripts that it does not run, the browser itself says so.
    refused = f"/runs/{number}/report/x' violates the following Content Security Policy"
    said = ("404 (Not Found)", "Blocked script execution in", refused)
    assert [one for one in odd.wrong if not any(known in one for known in said)] == []


@pytest.mark.parametrize("path", ["/runs", "/artifacts", "/production", "/photos", "/labels"])
def test_lists_of_hostile_names_fit(odd: Window, hostile: HostileStore, path: str) -> None:
    of_run = path in {"/photos", "/labels"}
    odd.resize(PHONE)
    odd.open(f"/runs/{hostile.runs[IMAGE]}{path}" if of_run else path)

    odd.page.screenshot(path=_picture(f"hostile{path.replace('/', '-')}", PHONE), full_page=True)
    assert odd.overflow <= 0
    assert odd.page.locator("img[src=x], script:not([src])").count() == 0


def test_hostile_runs_are_compared(odd: Window, hostile: HostileStore) -> None:
    chosen = [hostile.runs[name] for name in (IMAGE, LONG, TURNED, LINES)]
    odd.resize(PHONE)
    odd.open("/compare?" + "&".join(f"run={number}" for number in chosen))

    odd.page.screenshot(path=_picture("hostile-compare", PHONE), full_page=True)
    assert odd.overflow <= 0
    assert odd.page.locator("thead th a").first.inner_text() == IMAGE
    assert odd.wrong == []


def _picture(name: str, width: int) -> str:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return str(SCREENSHOTS / f"{name}-{width}.png")
