"""From where a problem stands to what moved, to its timeline and back, by the keyboard too."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from jitscope.history import read_history
from jitscope.report.links import compare_link, timeline_link
from jitscope.report.publish import publish
from playwright.sync_api import Page

from .browser import Watched
from .planted import plant_history

HOSTILE = "a&to=x#\"'<b> é+"


def chosen(address: str) -> dict[str, str]:
    """What stands after an address's hash."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).fragment).items()}


def test_names_cannot_leave_their_place_in_an_address() -> None:
    address = compare_link("a" * 40, "b" * 40, HOSTILE, "cold", HOSTILE)
    expected = {"problem": HOSTILE, "condition": "cold", "setup": HOSTILE}
    assert chosen(address) == {"base": "a" * 12, "to": "b" * 12, **expected}
    assert chosen(timeline_link(HOSTILE, "cold", HOSTILE)) == expected
    assert not set("\"'<> ") & set(address)


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(plant_history(tmp_path_factory.mktemp("linked")).root)


def hashes_of(page: Path) -> list[str]:
    return read_history(page.parents[2]).commits["commit"].tolist()


def follow(page: Page) -> None:
    """Press Enter on what has the focus, and wait for the page that it leads to."""
    page.keyboard.press("Enter")
    page.wait_for_load_state("load")
    page.wait_for_selector("html[data-drawn]")


@pytest.mark.browser
@pytest.mark.slow
def test_a_row_leads_to_what_it_compares_and_back(site_watched: Watched, linked: Path) -> None:
    hashes = hashes_of(linked)
    page = site_watched.open(linked.as_uri())
    row = page.locator(".setup:not([hidden]) .problems tbody tr", has_text="linear_100").nth(2)
    row.get_by_role("link").last.focus()
    follow(page)
    # Against first: the newest commit with the first, of one more fit.
    assert page.locator("select[name=base]").input_value() == hashes[1]
    assert page.locator("select[name=to]").input_value() == hashes[6]
    assert page.locator("#problem").input_value() == "linear_100"
    assert page.locator("input[value=warm_memory]").is_checked()
    page.locator("#links a").first.focus()
    follow(page)
    assert page.locator("#title").inner_text() == "linear_100"
    assert page.locator("input[value=warm_memory]").is_checked()
    page.go_back()
    page.wait_for_selector("#links a")
    page.locator("#links a").last.focus()
    follow(page)
    assert page.locator("h1").inner_text() == "Overview"
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
def test_a_step_leads_to_its_two_commits(site_watched: Watched, linked: Path) -> None:
    hashes = hashes_of(linked)
    page = site_watched.open(linked.as_uri())
    move = page.locator(".setup:not([hidden]) .moves li", has_text="linear_100, cold").last
    move.get_by_role("link", name="compare with").click()
    page.wait_for_selector("html[data-drawn]")
    assert page.locator("select[name=base]").input_value() == hashes[1]
    assert page.locator("select[name=to]").input_value() == hashes[2]
    assert page.locator("input[value=cold]").is_checked()
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
def test_a_commit_of_the_timeline_leads_to_what_moved(site_watched: Watched, linked: Path) -> None:
    hashes = hashes_of(linked)
    address = linked.with_name("timeline.html").as_uri()
    page = site_watched.open(f"{address}#problem=linear_100&condition=warm_memory")
    rows = page.locator("#commits tbody tr")
    # Newest first: the first of all has nothing before it, the broken one nothing to compare.
    assert rows.last.get_by_role("link", name="compare with").count() == 0
    assert rows.nth(2).get_by_role("link", name="compare with").count() == 0
    # Between the two stands the broken commit.
    rows.nth(1).get_by_role("link", name="compare with").focus()
    follow(page)
    assert page.locator("select[name=base]").input_value() == hashes[2]
    assert page.locator("select[name=to]").input_value() == hashes[4]
    assert page.locator("#problem").input_value() == "linear_100"
    assert page.locator("input[value=warm_memory]").is_checked()
    site_watched.assert_quiet()
