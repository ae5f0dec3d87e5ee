"""Chromium without a window, which looks at a page as people do."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from exporter import page as status_page
from exporter import statusjson
from exporter.server import Server
from exporter.status import Status
from exporter.web import make_site
from tests.machine import program

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def served(status: Callable[[], Status]) -> Iterator[str]:
    """The exporter's pages of `status` on a free port; their URL."""
    site = make_site(
        metrics=lambda _, __: b"",
        healthy=lambda: None,
        ready=lambda: None,
        reload=lambda: None,
        pages={
            "/": partial(status_page.answer, status, "/metrics"),
            "/status.json": partial(statusjson.answer, status),
        },
    )
    server = Server(["127.0.0.1:0"], site)
    server.start()
    try:
        yield f"http://{server.addresses[0]}/"
    finally:
        server.stop(timeout=0.2)


@dataclass
class Look:
    """A page as it is shown, and what the browser complained of."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def click(self, what: str) -> None:
        """Follow a link, and wait for all of the page it leads to."""
        with self.page.expect_navigation():
            self.page.click(what)

    def search(self, text: str) -> None:
        """The same, of the search box."""
        self.page.fill("input[type=search]", text)
        with self.page.expect_navigation():
            self.page.press("input[type=search]", "Enter")

    def overflow(self) -> int:
        """By how many pixels it is wider than the window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wider

    def violations(self) -> list[str]:
        """What axe-core finds wrong with it for people who see, hear or move otherwise (WCAG 2.2
        AA).
        """
        axe = pytest.importorskip(
            "axe_playwright_python.sync_playwright", reason="make check-tools installs it"
        )
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        options = {"runOnly": {"type": "tag", "values": tags}}
        found = axe.Axe().run(self.page, options=options).response["violations"]
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found
            for node in each["nodes"][:3]
        ]

    def picture(self, path: Path, *, whole: bool = False) -> Path:
        """Save what the window shows, or the whole page."""
        self.page.screenshot(path=path, full_page=whole)
        return path


class Browser:
    """Opens pages, each in a window of its own."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    @contextmanager
    def look(
        self, url: str, *, width: int = 1280, height: int = 900, scheme: str = "light"
    ) -> Iterator[Look]:
        """Open `url` in a window of this size, for somebody who likes it `light` or `dark`."""
        size = {"width": width, "height": height}
        window = self._chromium.new_context(viewport=size, color_scheme=scheme)
        try:
            look = Look(window.new_page())
            look.page.on("console", lambda message: look.complaints.append(message.text))
            look.page.on("pageerror", lambda error: look.complaints.append(str(error)))
            look.page.on("requestfailed", lambda request: look.complaints.append(request.url))
            look.page.on("dialog", lambda dialog: look.complaints.append(dialog.message))
            look.page.goto(url)
            yield look
        finally:
            window.close()


@contextmanager
def opened() -> Iterator[Browser]:
    """Debian's Chromium; without it or playwright the test is skipped, in CI it fails."""
    if os.environ.get("CI"):
        import playwright.sync_api as driver
    else:
        driver = pytest.importorskip("playwright.sync_api", reason="make check-tools installs it")
    path = program("chromium", package="chromium")
    with driver.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        try:
            yield Browser(chromium)
        finally:
            chromium.close()
