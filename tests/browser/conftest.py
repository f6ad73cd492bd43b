"""One browser for all tests of the page, and servers for it to ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser_window import CHROMIUM, Window, opened
from hostile_store import HostileStore, make_hostile_store
from page_process import served
from pipeline_runs import PipelineRuns

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, which ends with a module: while it is there, `asyncio.run` fails elsewhere."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH; on Debian and Ubuntu the package has this name")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def real_root(browser: Browser, first_run: tuple[PipelineRuns, dict[str, str]]) -> Iterator[str]:
    """Address of a page over a real run."""
    with served(first_run[0].output.root) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> HostileStore:
    return make_hostile_store(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def hostile_root(hostile: HostileStore) -> Iterator[str]:
    """Address of a page over a store that is made to do harm."""
    with served(hostile.output.root) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def real(browser: Browser, real_root: str) -> Iterator[Window]:
    yield from opened(browser, real_root)


@pytest.fixture
def odd(browser: Browser, hostile_root: str) -> Iterator[Window]:
    yield from opened(browser, hostile_root)
