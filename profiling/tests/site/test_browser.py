"""The published pages in a real browser: Debian's chromium, with the network blocked."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from jitscope.report.publish import publish
from jitscope.session import save_session
from playwright.sync_api import Browser

from ..test_growth_report import GROWN
from .browser import Watched
from .planted import GeneratedHistory as Planted
from .planted import plant_history

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BARS = ".panel:not([hidden]) .bars .point path"


@pytest.fixture(scope="module")
def site_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(plant_history(tmp_path_factory.mktemp("site")).root)


def test_every_measured_phase_is_a_bar(site_watched: Watched, site_page: Path) -> None:
    page = site_watched.open(site_page.as_uri())
    assert page.locator(".panel:not([hidden])").count() == 2
    # Cold: 6 phases and the unobserved call, for 4 commits of one problem and 3 of the other.
    assert page.locator(BARS).count() == 7 * (4 + 3)
    # A phase that was measured to take no time has no piece, and no place in the legend.
    legend = page.locator("#legend li[data-phase]:not([hidden])")
    assert legend.all_inner_texts() == [
        *("import", "back end", "trace", "lower", "compile", "host"),
    ]
    absent = page.locator(".panel:not([hidden]) .annotation-text")
    assert sorted(absent.all_text_contents()) == ["broken", "broken", "failed"]
    beneath = page.locator(".panel:not([hidden]) .xtick").first.text_content()
    assert beneath is not None
    assert beneath.endswith("n = 768 conv.9 mod.")
    site_watched.assert_quiet()


def test_controls_choose_condition_problem_and_machine(
    site_watched: Watched, site_page: Path
) -> None:
    page = site_watched.open(site_page.as_uri())
    page.keyboard.press("Tab")
    page.locator("input[value=cold]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("h2:visible").first.inner_text().startswith("Once everything is compiled")
    assert page.locator(BARS).count() == 5 * (4 + 3)
    page.select_option("select[name=problem]", "gaussian_1000")
    assert page.locator(BARS).count() == 5 * 3
    page.select_option("select[name=setup]", "1")
    assert page.locator(BARS).count() == 5
    site_watched.assert_quiet()


def test_a_hostile_message_is_text_in_hover_and_table(
    site_watched: Watched, site_page: Path
) -> None:
    page = site_watched.open(site_page.as_uri())
    # The first trace holds the import phase; its second bar is the hostile commit.
    page.locator(".panel:not([hidden]) .bars .point path").nth(1).hover(force=True)
    hover = page.locator(".panel:not([hidden]) .hoverlayer .hovertext")
    hover.wait_for()
    told = hover.text_content()
    assert told is not None
    assert "<script>document.title='owned'</script> <b>bold</b>" in told
    assert "import: 810 ms" in told
    assert "99% interval" in told
    assert "samples: 7" in told
    assert page.title() == "Phases over time"
    row = page.locator("td.message", has_text="document.title").first
    assert "<script>document.title='owned'</script> <b>bold</b> & </script>" in row.inner_text()
    site_watched.assert_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens_do_not_scroll_sideways(
    site_browser: Browser, site_page: Path, scheme: str
) -> None:
    context = site_browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme="dark" if scheme == "dark" else "light"
    )
    watched = Watched(context)
    page = watched.open(site_page.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # A chart that does not fit scrolls by itself, and shows its newest commit first.
    left, shown, whole = page.evaluate(
        "(({scrollLeft, clientWidth, scrollWidth}) => [scrollLeft, clientWidth, scrollWidth])"
        "(document.querySelector('.panel:not([hidden]) .chart').parentElement)"
    )
    assert whole > shown
    assert left + shown >= whole - 1
    context.close()
    watched.assert_quiet()


def test_it_works_over_http_too(site_watched: Watched, site_page: Path) -> None:
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = functools.partial(Silent, directory=str(site_page.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = site_watched.open(f"http://127.0.0.1:{server.server_port}/index.html")
        assert page.locator(BARS).count() == 7 * (4 + 3)
        site_watched.assert_quiet()
        server.shutdown()


def test_an_empty_history_shows_what_to_run(site_watched: Watched, site_empty: Planted) -> None:
    page = site_watched.page
    page.goto(publish(site_empty.root).as_uri())
    assert "make bench" in page.locator(".empty").inner_text()
    site_watched.assert_quiet()


def test_predictions_stand_beside_measurements(site_watched: Watched, site_page: Path) -> None:
    page = site_watched.page
    page.goto(site_page.as_uri())
    page.get_by_role("link", name="Predicted and measured").click()
    assert page.locator("h2").first.inner_text() == "Planted & <b>hostile</b>"
    first = page.locator("tbody tr", has_text="linear_100").first.inner_text()
    assert "1.10 to 1.30 times" in first
    assert "1.39 times" in first
    assert "exceeded" in first
    saved = page.locator("tbody tr", has_text="10.0% saved").last.inner_text()
    assert "met" in saved
    site_watched.assert_quiet()


def test_growth_is_drawn_beside_the_linear_line(site_watched: Watched, tmp_path: Path) -> None:
    root = plant_history(tmp_path).root
    session = root / "results" / "sessions" / "20260102T030405Z.json"
    save_session(GROWN, session)
    page = site_watched.open(publish(root).with_name("profile.html").as_uri())
    for chart, points in (("#growth-time", 4), ("#growth-memory", 4)):
        assert page.locator(f"{chart} .point").count() == points
        # The line through the points, and the dashed linear one.
        assert page.locator(f"{chart} .scatterlayer .js-line").count() == 2
    site_watched.assert_quiet()
