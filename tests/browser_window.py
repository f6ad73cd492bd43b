"""A window of a browser, which notes what goes wrong in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# What a test leaves to be looked at; git ignores it.
SCREENSHOTS = Path(__file__).parents[1] / "build" / "screenshots"

DESK, PHONE = 1440, 390


@dataclass
class Window:
    """A window of the browser, and what went wrong in it.

    Attributes:
        page: Playwright's.
        root: address of the server.
        wrong: messages of the console, errors of scripts, dialogs, and requests to others.
    """

    page: Page
    root: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", lambda request: self._requested(request.url))

    def open(self, path: str) -> None:
        """Opens a path of the server."""
        self.page.goto(f"{self.root}{path}")

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(
            self.page.evaluate(
                "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    @property
    def focused(self) -> str:
        """Text of what has the focus."""
        return str(self.page.evaluate("document.activeElement.textContent.trim()"))

    def _console(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        if kind in {"error", "warning"}:
            self.wrong.append(f"{kind}: {text}")

    def _requested(self, url: str) -> None:
        if not url.startswith((self.root, "data:", "blob:")):
            self.wrong.append(f"asks {url}")


def opened(browser: Browser, root: str) -> Iterator[Window]:
    context = browser.new_context(viewport={"width": DESK, "height": 900}, reduced_motion="reduce")
    try:
        yield Window(context.new_page(), root)
    finally:
        context.close()
