"""The published pages in a real browser: Debian's chromium, with the network blocked."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from jitscope.report.publish import publish
from jitscope.session import save_session

from ..test_growth_report import GROWN
from .browser import Watched
from .planted import HOSTILE, phase_samples, plant_history
from .planted import GeneratedHistory as Planted

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def site_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(plant_history(tmp_path_factory.mktemp("site")).root)


def test_the_overview_says_where_each_problem_stands(
    site_watched: Watched, site_page: Path
) -> None:
    page = site_watched.open(site_page.as_uri())
    rows = page.locator(".setup:not([hidden]) .problems tbody tr")
    assert rows.count() == 2 * 3
    linear = rows.filter(has_text="linear_100").first.inner_text()
    # Cold, unobserved, of the last commit: 0.9 of 2,000 ms times 0.8; the first had 1,800.
    assert "1,440 ms" in linear
    assert "20.0%\t▼ improved" in linear
    # The commit before has one sample.
    assert "? insufficient" in linear
    gaussian = rows.filter(has_text="gaussian_1000").first
    assert "insufficient" in gaussian.inner_text()
    # The broken commit, and the one at which this problem failed.
    assert gaussian.locator(".spark .failed").count() == 2
    failures = page.locator(".setup:not([hidden]) .card", has_text="Failures").last.inner_text()
    assert "✗ broken" in failures
    assert "Break the build" in failures
    assert "track_phase_s of gaussian_1000" in failures
    site_watched.assert_quiet()


def test_the_overview_has_a_picker_and_its_link(site_watched: Watched, site_page: Path) -> None:
    page = site_watched.open(site_page.as_uri())
    select = page.locator("select[name=setup]")
    select.focus()
    page.keyboard.press("ArrowDown")
    assert "1 commit." in page.locator(".setup:not([hidden]) .stated").first.inner_text()
    link = page.url
    page.goto("about:blank")
    assert (
        site_watched.open(link).locator(".setup:not([hidden])").get_attribute("data-setup") == "1"
    )
    site_watched.assert_quiet()


def test_the_overview_leads_to_the_timeline(site_watched: Watched, site_page: Path) -> None:
    page = site_watched.open(site_page.as_uri())
    page.get_by_role("link", name="gaussian_1000").nth(1).click()
    page.wait_for_selector("#chart .barlayer")
    assert page.locator("#title").inner_text() == "gaussian_1000"
    assert page.locator("input[value=warm_disk]").is_checked()
    site_watched.assert_quiet()


def test_narrow_screens_do_not_scroll_sideways(site_narrow: Watched, site_page: Path) -> None:
    page = site_narrow.open(site_page.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    site_narrow.assert_quiet()


def test_a_history_of_failures_only_is_shown(site_watched: Watched, tmp_path: Path) -> None:
    make = Planted(tmp_path)
    make.write_suite()
    for message in ("Break it", "Break it more"):
        make.measure(make.commit(f"{message} {HOSTILE}"), None)
    index = publish(tmp_path)
    page = site_watched.open(index.as_uri())
    assert page.locator(".setup:not([hidden]) .problems .absent").count() == 2 * 3
    assert page.locator("b.errored").count() == 2
    assert "<b>bold</b>" in page.locator(".moves li").first.inner_text()
    page = site_watched.open(index.with_name("timeline.html").as_uri())
    assert page.locator("#commits .absent").count() == 2
    site_watched.assert_quiet()


def test_one_commit_is_enough(site_watched: Watched, tmp_path: Path) -> None:
    make = Planted(tmp_path)
    make.write_suite()
    make.measure(make.commit("Solve"), phase_samples(), conversions=3)
    index = publish(tmp_path)
    page = site_watched.open(index.as_uri())
    assert "1,800 ms" in page.locator(".problems tbody tr").first.inner_text()
    page = site_watched.open(index.with_name("timeline.html").as_uri())
    assert page.locator("#chart .barlayer .point path").count() == 7
    site_watched.assert_quiet()


def test_results_of_an_unknown_version_are_left_out_with_a_word(
    site_watched: Watched, tmp_path: Path
) -> None:
    make = Planted(tmp_path)
    make.write_suite()
    make.measure(make.commit("Solve"), phase_samples(), conversions=3)
    make.measure(make.commit("Solve anew"), phase_samples(), version="2")
    index = publish(tmp_path)
    page = site_watched.open(index.as_uri())
    assert "version '2'" in page.locator(".prose li").first.inner_text()
    page = site_watched.open(index.with_name("timeline.html").as_uri())
    assert page.locator("#commits tbody tr").count() == 1
    site_watched.assert_quiet()


def test_it_works_over_http_too(site_watched: Watched, site_page: Path) -> None:
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = functools.partial(Silent, directory=str(site_page.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = site_watched.open(f"http://127.0.0.1:{server.server_port}/timeline.html")
        assert page.locator("#chart .barlayer .point path").count() == 7 * 4
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
