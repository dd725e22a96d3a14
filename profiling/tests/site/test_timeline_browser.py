"""The timeline in a real browser, opened as a file, with the network blocked."""

import pytest
from jitscope.report.publish import publish
from playwright.sync_api import Browser, Page

from .browser import Watched
from .planted import plant_history

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PIECES = "#chart .barlayer .point path"
TITLE = "<script>document.title='owned'</script> <b>bold</b>"


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    history = plant_history(tmp_path_factory.mktemp("timeline"))
    history.git("remote", "add", "origin", "git@github.com:owner/name.git")
    return publish(history.root).with_name("timeline.html").as_uri()


def shown_commits(page: Page) -> list[str]:
    return page.locator("#commits tbody th").all_inner_texts()


def test_every_measured_phase_is_a_piece_of_its_commits_bar(
    site_watched: Watched, timeline: str
) -> None:
    page = site_watched.open(timeline)
    # Cold: 6 phases and the unobserved call of four commits; one of five is broken.
    assert page.locator(PIECES).count() == 7 * 4
    legend = page.locator("#legend li[data-phase]:not([hidden])")
    # A phase that was measured to take no time has no piece, and no place in the legend.
    assert legend.all_inner_texts() == ["import", "back end", "trace", "lower", "compile", "host"]
    words = page.locator("#chart .annotation-text").all_text_contents()
    assert "broken" in words
    assert any(word.startswith("conversions to host") for word in words)
    page.select_option("select[name=problem]", "gaussian_1000")
    page.wait_for_selector("html[data-drawn]")
    assert page.locator(PIECES).count() == 7 * 3
    assert "failed" in page.locator("#chart .annotation-text").all_text_contents()
    site_watched.assert_quiet()


def test_the_strips_share_the_commits_of_the_bars(site_watched: Watched, timeline: str) -> None:
    page = site_watched.open(timeline)
    middles = page.evaluate(
        "(() => { const middle = (e) => { const r = e.getBoundingClientRect();"
        " return r.x + r.width / 2; };"
        " const all = (from, what) => [...from.querySelectorAll(what)].map(middle);"
        " const strips = [...document.querySelectorAll('#chart .cartesianlayer > .subplot')]"
        " .filter((s) => !s.classList.contains('xy'));"
        " return { labels: all(document, '#chart .xtick text'),"
        " strips: strips.map((s) => all(s, '.points path.point')).filter((m) => m.length) }; })()"
    )
    labels = middles["labels"]
    strips = [strip for strip in middles["strips"] if len(strip) < len(labels)]
    assert len(labels) == 5
    # Conversions in two directions and modules compiled, counted at three of the five commits.
    assert len(strips) == 3
    for strip in strips:
        assert strip == pytest.approx([labels[0], labels[1], labels[4]], abs=2)
    site_watched.assert_quiet()


def test_the_state_is_a_permanent_link(
    site_watched: Watched, site_browser: Browser, timeline: str
) -> None:
    page = site_watched.open(timeline)
    page.select_option("select[name=problem]", "gaussian_1000")
    page.locator("input[value=warm_memory]").check()
    page.locator("input[value=log]").check()
    page.wait_for_selector("html[data-drawn]")
    page.get_by_role("button", name="Zoom in").click()
    shown = shown_commits(page)
    assert 0 < len(shown) < 5
    link = page.url
    assert "condition=warm_memory" in link
    other = Watched(site_browser.new_context())
    again = other.open(link)
    assert again.locator("#title").inner_text() == "gaussian_1000"
    assert shown_commits(again) == shown
    assert again.locator("input[value=log]").is_checked()
    other.assert_quiet()
    other.page.context.close()
    site_watched.assert_quiet()


def test_a_link_made_by_others_cannot_choose_a_file(site_watched: Watched, timeline: str) -> None:
    page = site_watched.open(
        timeline + "#problem=../../x&setup=%3Cscript%3E&condition=__proto__&from=zz&to=%22%3E"
    )
    assert page.locator("#title").inner_text() == "linear_100"
    assert len(shown_commits(page)) == 5
    site_watched.assert_quiet()


def test_zoom_by_mouse_and_by_keyboard(site_watched: Watched, timeline: str) -> None:
    page = site_watched.open(timeline)
    box = page.locator("#chart .xy .nsewdrag, #chart .nsewdrag[data-subplot=xy]").first
    area = box.bounding_box()
    assert area is not None
    y = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + area["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.7, y, steps=5)
    page.mouse.up()
    page.wait_for_function("Number(document.documentElement.dataset.drawn) < 5")
    assert len(shown_commits(page)) < 5
    page.get_by_role("button", name="All").focus()
    page.keyboard.press("Enter")
    assert len(shown_commits(page)) == 5
    site_watched.assert_quiet()


def test_unmeasured_commits_can_be_shown(site_watched: Watched, timeline: str) -> None:
    page = site_watched.open(timeline)
    page.locator("input[name=gaps]").check()
    page.wait_for_function("document.documentElement.dataset.drawn === '6'")
    assert "not measured" in page.locator("#chart .annotation-text").all_text_contents()
    row = page.locator("#commits tbody tr", has_text="Not measured")
    assert "not measured" in row.locator("td.absent").inner_text()
    site_watched.assert_quiet()


def test_a_hostile_message_is_text(site_watched: Watched, timeline: str) -> None:
    page = site_watched.open(timeline)
    row = page.locator("#commits tbody tr", has_text="document.title")
    assert TITLE in row.inner_text()
    bar = page.locator("#chart .barlayer .trace").first.locator(".point path").nth(1)
    bar.hover(force=True)
    hover = page.locator("#chart .hoverlayer .hovertext").first
    hover.wait_for()
    told = page.locator("#chart .hoverlayer").text_content()
    assert told is not None
    assert TITLE in told
    assert "import: 810 ms" in told
    assert "samples: 7" in told
    assert page.title() == "Timeline"
    site_watched.assert_quiet()


def test_commits_link_to_their_forge(site_watched: Watched, timeline: str) -> None:
    page = site_watched.open(timeline)
    first = page.locator("#commits tbody th a").first
    address = first.get_attribute("href")
    assert address is not None
    assert address.startswith("https://github.com/owner/name/commit/")
    assert len(address.rsplit("/", 1)[1]) == 40
    site_watched.assert_quiet()


def test_nothing_scrolls_sideways_or_is_cut(site_narrow: Watched, timeline: str) -> None:
    page = site_narrow.open(timeline)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for scale in ("linear", "log"):
        page.locator(f"input[value={scale}]").check()
        page.wait_for_selector("html[data-drawn]")
        # The y axis does not leave the screen, and every label lies within the chart.
        cut = page.evaluate(
            "(() => { const box = document.querySelector('#chart').getBoundingClientRect();"
            " return [...document.querySelectorAll('#chart text')].filter((t) => t.textContent)"
            " .map((t) => [t.textContent, t.getBoundingClientRect()])"
            " .filter(([, r]) => r.left < box.left - 1 || r.right > box.right + 1"
            " || r.bottom > box.bottom + 1 || r.top < box.top - 1).map(([t]) => t); })()"
        )
        assert cut == []
    site_narrow.assert_quiet()
