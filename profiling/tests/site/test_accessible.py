"""What a page needs to be read in grey, and used without a mouse."""

import itertools
import re
from pathlib import Path

import pytest
from jitscope.report.phase_styles import PHASE_STYLES, PhaseStyle
from jitscope.report.profile_page import render_profile_page
from jitscope.report.publish import publish
from jitscope.report.rendering import Neighbours
from jitscope.session import save_session

from ..test_growth_report import GROWN
from .browser import Watched
from .planted import plant_history

FAR_ENOUGH = 0.2
"""Of black to white: greys that are told apart side by side."""
FOCUSABLE = "a[href], button, select, input, summary, [tabindex='0']"


def grey(style: PhaseStyle) -> float:
    """Brightness of a colour, as `filter: grayscale(1)` makes it."""
    red, green, blue = (int(style.colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_phases_are_told_apart_without_their_colours() -> None:
    for one, other in itertools.combinations(PHASE_STYLES, 2):
        apart = abs(grey(one) - grey(other)) >= FAR_ENOUGH
        assert one.pattern != other.pattern or apart, (one.name, other.name)


def test_neighbours_in_the_bars_of_a_profile_have_other_patterns() -> None:
    html = render_profile_page(GROWN, Path(), beside=Neighbours(asv=False, profile=True))
    bars = re.findall(r'<div class="share".*?</div>', html, re.DOTALL)
    assert len(bars) >= 3
    for bar in bars:
        patterns = re.findall(r'data-pattern="(.*?)"', bar)
        assert len(patterns) == bar.count("<i ") > 1
        assert all(a != b for a, b in itertools.pairwise(patterns))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = plant_history(tmp_path_factory.mktemp("accessible")).root
    save_session(GROWN, root / "results" / "sessions" / "20260101T000000Z.json")
    return publish(root).parent


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", ["index.html", "timeline.html", "compare.html", "profile.html"])
def test_everything_is_reached_by_the_keyboard_and_shows_it(
    site_watched: Watched, site: Path, name: str
) -> None:
    page = site_watched.open((site / name).as_uri())
    page.evaluate(
        "(what) => [...document.querySelectorAll(what)].filter((e) => e.checkVisibility())"
        " .forEach((e) => { if (e.type !== 'radio' || e.checked) e.dataset.expected = ''; })",
        FOCUSABLE,
    )
    expected = page.locator("[data-expected]").count()
    assert expected > 5
    for _ in range(expected):
        page.keyboard.press("Tab")
        page.evaluate(
            "(() => { const e = document.activeElement;"
            " const seen = e.type === 'radio' ? e.nextElementSibling : e;"
            " if (getComputedStyle(seen).outlineStyle !== 'none') delete e.dataset.expected; })()"
        )
    left = page.locator("[data-expected]").evaluate_all("(all) => all.map((e) => e.outerHTML)")
    assert left == []
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", ["index.html", "timeline.html", "compare.html", "profile.html"])
def test_what_can_be_used_and_seen_has_a_name(site_watched: Watched, site: Path, name: str) -> None:
    page = site_watched.open((site / name).as_uri())
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('a, button, select, input, [role]')]"
        " .filter((e) => e.checkVisibility() && !(e.getAttribute('aria-label')"
        " || e.textContent.trim() && e.tagName !== 'SELECT' || e.labels?.length))"
        " .map((e) => e.outerHTML.slice(0, 200))"
    )
    assert nameless == []
    order = page.locator("h1, h2, h3").evaluate_all(
        "(all) => all.filter((e) => e.checkVisibility()).map((e) => Number(e.tagName[1]))"
    )
    assert order[0] == 1
    assert order.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(order))
    site_watched.assert_quiet()
