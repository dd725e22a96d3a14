"""A cProfile dump as one page: hostile names stay text, and nothing is loaded from elsewhere."""

import re
import sys
from cProfile import Profile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jitscope.errors import UserError
from jitscope.report.publish import publish_session
from jitscope.report.snakeviz_page import page_of, write_snakeviz_page
from jitscope.session import save_session

from ..test_session import PROFILE, SESSION
from .browser import Watched

OWNED = "document.title='owned'"
FILE = f"/x/</script><script>{OWNED}</script>/<b>a.py"
FUNCTION = f"<img src=x onerror={OWNED}>"


def hostile_dump(folder: Path, function: str = FUNCTION, file: str = FILE) -> Path:
    """Profile a function of that name, which calls another one a thousand times."""
    source = (
        "def outer():\n    for i in range(1000): inner(i)\ndef inner(i):\n    return sum([i])\n"
    )
    names: dict[str, Any] = {}
    exec(compile(source, file, "exec"), names)
    names["inner"].__code__ = names["inner"].__code__.replace(co_name=function)
    profile = Profile()
    profile.runcall(names["outer"])
    profile.dump_stats(folder / "hostile.prof")
    return folder / "hostile.prof"


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    dump = hostile_dump(tmp_path)
    write_snakeviz_page(dump, page_of(dump), title=f"cProfile of {FUNCTION}", back="my report.html")
    return page_of(dump)


def test_a_page_links_nothing_outside_and_names_every_script(page_file: Path):
    text = page_file.read_text(encoding="utf-8")
    assert not re.findall(r"""\b(?:src|href)=["'](?!my%20report\.html|data:|#)[^"']""", text)
    assert "</script><script>" not in text
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert "unsafe" not in policy
    assert "default-src &#x27;none&#x27;" in policy
    # Seven libraries and scripts of snakeviz's, the glue, and two scripts of its template.
    assert policy.partition("style-src")[0].count("sha256-") == 10


@pytest.mark.browser
@pytest.mark.slow
def test_hostile_names_are_text_everywhere(site_watched: Watched, page_file: Path):
    page = site_watched.page
    page.goto(page_file.as_uri())
    page.locator("#chart rect").nth(2).wait_for()
    assert page.title() == f"cProfile of {FUNCTION}"
    assert page.input_value("#sv-depth-select") == "5"
    assert "outer" in page.locator("#chart text").first.text_content()  # pyright: ignore
    row = page.locator("#pstats-table tbody tr", has_text="onerror")
    assert row.inner_text().endswith(f"<b>a.py:3({FUNCTION})")
    page.locator("#chart rect").nth(1).hover()
    assert FUNCTION in page.locator("#sv-info-div").inner_text()
    assert f"/x/</script><script>{OWNED}</script>/" in page.locator("#sv-info-div").inner_text()
    row.click()  # makes it the root, which the worker draws
    page.locator("#sv-call-stack-btn").click()
    page.locator("#sv-call-stack-list", has_text="onerror").wait_for()
    page.locator("#chart text", has_text="onerror").first.wait_for()
    page.select_option("#sv-style-select", "sunburst")
    page.locator("#chart path").first.wait_for()
    assert page.title() == f"cProfile of {FUNCTION}"
    assert page.locator("#sv-error-div").is_hidden()
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
def test_names_with_line_ends_and_without_characters_are_escaped(
    site_watched: Watched, tmp_path: Path
):
    dump = hostile_dump(tmp_path, "new\nline\u2028", "/x/\udcff\\n.py")
    write_snakeviz_page(dump, page_of(dump), title="odd")
    page = site_watched.page
    page.goto(page_of(dump).as_uri())
    page.locator("#chart rect").nth(2).wait_for()
    page.locator("#chart rect").nth(1).hover()
    told = page.locator("#sv-info-div").inner_text()
    assert "new\\nline\\u2028" in told
    assert "\\udcff\\\\n.py" in told
    site_watched.assert_quiet()


@pytest.mark.parametrize("content", [b"", b"no dump", b"\xe3\x00\x00"])
def test_a_file_that_is_no_dump_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "odd.prof").write_bytes(content)
    with pytest.raises(UserError, match=r"odd\.prof is not a cProfile dump"):
        write_snakeviz_page(tmp_path / "odd.prof", tmp_path / "odd.html", title="odd")


def test_a_dump_without_calls_is_refused(tmp_path: Path):
    profile = Profile()
    profile.enable()
    profile.disable()
    profile.dump_stats(tmp_path / "empty.prof")
    with pytest.raises(UserError, match="profile more of the program"):
        write_snakeviz_page(tmp_path / "empty.prof", tmp_path / "empty.html", title="empty")


def test_a_snakeviz_of_another_form_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    templates = tmp_path / "snakeviz" / "templates"
    templates.mkdir(parents=True)
    (templates / "viz.html").write_text("<html><title>new</title></html>")
    monkeypatch.setattr(
        sys.modules[write_snakeviz_page.__module__], "files", lambda package: tmp_path / package
    )
    with pytest.raises(UserError, match=r"the page of snakeviz .* install snakeviz 2\.2"):
        write_snakeviz_page(hostile_dump(tmp_path), tmp_path / "x.html", title="new")


@pytest.mark.browser
@pytest.mark.slow
def test_a_profile_and_its_dumps_link_each_other(site_watched: Watched, tmp_path: Path):
    hostile_dump(tmp_path)
    problem = replace(PROFILE, cprofile={"first": "hostile.prof", "warm": "gone.prof"})
    session = tmp_path / "results" / "sessions" / "20260102T030405Z.json"
    save_session(replace(SESSION, problems=(problem,)), session)
    page = site_watched.page
    page.goto(publish_session(tmp_path, session).as_uri())
    assert page.get_by_text(".venv/bin/snakeviz gone.prof").is_visible()
    page.get_by_role("link", name="first call in snakeviz").click()
    page.locator("#chart rect").first.wait_for()
    page.get_by_role("link", name="Back to the report").click()
    page.get_by_role("heading", name="Where one fit").wait_for()
    site_watched.assert_quiet()
