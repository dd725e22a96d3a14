"""Every session has a page, and the pages of the history lead to it and back."""

from dataclasses import replace
from pathlib import Path

import pytest
from jitscope.history import read_history
from jitscope.report.publish import publish
from jitscope.report.session_pages import MOST, addresses_of, session_pages
from jitscope.session import Session, save_session

from ..test_growth_report import GROWN
from .browser import Watched
from .planted import GeneratedHistory as Planted
from .planted import plant_history


def session(commit: str | None, day: int, *, modified: bool = False) -> Session:
    environment = replace(GROWN.environment, commit=commit, modified=modified)
    profile = replace(GROWN.problems[0], problem="linear_100")
    made = f"2026-01-{day:02}T03:04:05Z"
    return replace(GROWN, created_utc=made, environment=environment, problems=(profile,))


def save(root: Path, name: str, made: Session) -> Path:
    path = root / "results" / "sessions" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_session(made, path)
    return path


def test_the_newest_session_comes_first_and_damaged_files_are_passed_over(tmp_path: Path) -> None:
    assert session_pages(tmp_path, None) == ()
    save(tmp_path, "20260101T030405Z", session("a" * 40, 1))
    save(tmp_path, "before '<b>&that", session("a" * 40, 2))
    first = save(tmp_path, "20260103T030405Z", session("b" * 40, 3, modified=True))
    (first.parent / "20260102T030405Z.json").write_text("{")
    pages = session_pages(tmp_path, first)
    assert pages[0].address == "profile.html"
    assert pages[2].address == "profile-20260101T030405Z.html"
    assert [page.side for page in pages] == ["b" * 40 + "+", "a" * 40, "a" * 40]
    assert set(pages[1].address) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert addresses_of(pages) == {"b" * 40 + "+": "profile.html", "a" * 40: pages[1].address}
    # A session that somebody named themselves is the first where there is no other.
    (alone,) = (p for p in session_pages(tmp_path, None) if p.address == "profile.html")
    assert alone.side == "b" * 40 + "+"


def test_the_number_of_pages_is_bounded(tmp_path: Path) -> None:
    saved = [save(tmp_path, f"s{n}", session(None, 1 + n)) for n in range(MOST + 3)]
    assert len(session_pages(tmp_path, saved[-1])) == MOST


def test_a_damaged_first_session_is_told_and_the_others_have_pages(
    site_history: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    save(site_history.root, "20260101T030405Z", session(None, 1))
    damaged = save(site_history.root, "20260102T030405Z", session(None, 2))
    damaged.write_text("{")
    html = publish(site_history.root).parent
    assert "20260102T030405Z.json" in capsys.readouterr().err
    assert "cannot be shown" in (html / "profile.html").read_text("utf-8")
    assert (html / "profile-20260101T030405Z.html").is_file()
    # What is gone leaves no page behind.
    (damaged.parent / "20260101T030405Z.json").unlink()
    publish(site_history.root)
    assert [page.name for page in html.glob("profile*.html")] == ["profile.html"]


@pytest.mark.browser
@pytest.mark.slow
def test_links_lead_both_ways(site_watched: Watched, tmp_path: Path) -> None:
    root = plant_history(tmp_path).root
    hashes = read_history(root).commits["commit"].tolist()
    save(root, "20260101T030405Z", session(hashes[1], 1))
    save(root, "20260102T030405Z", session(hashes[2], 2))
    html = publish(root).parent
    page = site_watched.open((html / "timeline.html").as_uri() + "#problem=linear_100")
    page.locator("#commits").get_by_role("link", name="profile").last.click()
    assert page.url.endswith("/profile-20260101T030405Z.html")
    assert hashes[1][:8] in page.locator(".lead").inner_text()
    page.get_by_role("link", name="linear_100 on the timeline").click()
    page.wait_for_selector("html[data-drawn]")
    assert page.locator("#title").inner_text() == "linear_100"
    page.go_back()
    page.get_by_role("link", name="This commit compared").click()
    page.wait_for_selector("html[data-drawn]")
    assert page.locator("select[name=to]").input_value() == hashes[1]
    page.get_by_role("link", name=f"Profile of {hashes[1][:8]}").click()
    page.locator("summary", has_text="Other sessions (1)").click()
    page.get_by_role("link", name=f"at {hashes[2][:8]}").click()
    assert page.url.endswith("/profile.html")
    site_watched.assert_quiet()
