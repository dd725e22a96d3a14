"""Debian's chromium with the network blocked, and what went wrong in it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def site_browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        assert "JITSCOPE_REQUIRE_BROWSER" not in os.environ, "install Debian's chromium"
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield browser
        browser.close()


class Watched:
    """A page without a network, and everything that went wrong on it."""

    def __init__(self, context: BrowserContext) -> None:
        self.requests_out: list[str] = []
        self.complaints: list[str] = []
        context.route("**/*", self._only_local)
        self.page: Page = context.new_page()
        self.page.on("console", lambda m: self.complaints.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _only_local(self, route: Route) -> None:
        if route.request.url.startswith(("file:", "http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            self.requests_out.append(route.request.url)
            route.abort()

    def open(self, address: str) -> Page:
        self.page.goto(address)
        self.page.wait_for_selector("html[data-drawn]")
        return self.page

    def assert_quiet(self) -> None:
        assert self.complaints == []
        assert self.requests_out == []


@pytest.fixture
def site_watched(site_browser: Browser) -> Iterator[Watched]:
    context = site_browser.new_context(viewport={"width": 1280, "height": 1000})
    yield Watched(context)
    context.close()


@pytest.fixture(params=["light", "dark"])
def site_narrow(site_browser: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """Watch a page on a telephone."""
    context = site_browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme=request.param
    )
    yield Watched(context)
    context.close()
