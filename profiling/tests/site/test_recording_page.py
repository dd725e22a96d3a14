"""The page of a recording: everything that was recorded, as text, without a network or scripts."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from jitscope.counters import Counters, ModuleCounters
from jitscope.overhead import Cost, Overhead
from jitscope.recording import PASSES, CompileRequest, FunctionPhases, Recording, ThreadTime
from jitscope.report import recording_view as view
from jitscope.report.recording_page import SECTIONS, render_recording, write_page
from jitscope.report.rendering import with_code
from jitscope.report.snakeviz_page import page_of
from playwright.sync_api import Browser

from ..test_recording_terminal import DEVICE, EMPTY, LINES, MS, SITE, phases_pass
from .browser import Watched

HOSTILE = "</style></code><script>document.title='owned'</script>"
WIDTHS = "all => all.map(one => one.getBoundingClientRect().width)"
COST = Cost(69_000.0, 60_000.0, 70_000.0, 15)
MODULE = ModuleCounters(HOSTILE, 3, 7, None, False, kinds={HOSTILE: 7}, fused_kernels=0)
FULL = replace(
    EMPTY,
    command=(HOSTILE, "--fast"),
    overhead=Overhead(COST, COST, COST),
    phases=tuple(
        replace(
            phases_pass(scale),
            functions=(
                FunctionPhases(f"jit({HOSTILE})", 3, {"compile": 60 * scale * MS, "lower": 0}),
                FunctionPhases("jit(cheap)", 1, {"dispatch": 6 * scale * MS}),
            ),
            requests=(
                CompileRequest(HOSTILE, f"/x/{HOSTILE}.py", 7, "cold", 2, "new shape", HOSTILE),
                CompileRequest("jit(step)", None, None, "memory hit", 5, None, None),
            ),
            threads=(ThreadTime(HOSTILE, {"compile": 5 * MS}),),
        )
        for scale in range(1, 8)
    ),
    conversions=(SITE, replace(SITE, file=f"/x/{HOSTILE}.py", kind=HOSTILE, wait_ns=0)),
    lines=(*LINES, replace(LINES[0], line=10, source=HOSTILE, time_ns=24 * MS)),
    device=replace(DEVICE, scopes=(replace(DEVICE.scopes[0], scope=HOSTILE), DEVICE.scopes[1])),
    counters=Counters((MODULE,), 2),
    exception=f"ValueError: {HOSTILE}",
    failures={"cprofile": HOSTILE},
)


def test_hostile_text_is_escaped_everywhere():
    html = render_recording(FULL, dump_page=None)
    assert "<script" not in html
    assert html.count("</style>") == 1
    assert html.count("&lt;script&gt;") > 15
    assert " style=" not in html
    assert " on" not in "".join(re.findall(r"<\w+ [^>]*>", html)).replace(" only", "")
    assert re.findall(r"""(?:href|src)="([^#][^"]*)""", html) == []


@pytest.mark.parametrize("name", PASSES)
def test_what_was_not_measured_names_the_pass_that_would(name: str):
    html = render_recording(replace(EMPTY, overhead=None), dump_page=None)
    assert f"Not measured: <code>--passes {name}</code> would measure it" in html
    assert "<code>jitscope calibrate</code> would" in html
    block = render_recording(replace(EMPTY, command=()), dump_page=None)
    assert f'<code>jitscope.record("{name}")</code> would measure it' in block
    assert f"--passes {name}" not in render_recording(FULL, dump_page=None)


def test_a_phase_that_was_not_measured_is_no_zero():
    found = view.phases_view(replace(EMPTY, phases=(phases_pass(),)))
    assert found is not None
    rows = {row.style.name: row for row in found.rows}
    assert rows["import"].ms is None
    assert rows["trace"].ms is not None
    assert rows["trace"].ms.value == 0
    assert {piece.label: piece.width for piece in found.bar} == {"compile": 600, "host": 400}
    html = render_recording(replace(EMPTY, phases=(phases_pass(),)), dump_page=None)
    assert html.count('class="unmeasured">not measured</td>') == 1


def test_bars_of_functions_are_as_long_as_their_time():
    found = view.phases_view(FULL)
    assert found is not None
    costly, cheap = found.functions
    (piece,) = costly.bar
    assert (piece.width, piece.text) == (1000, "420 ms")
    (piece,) = cheap.bar
    assert (piece.width, piece.text) == (100, "42.0 ms")


def test_phases_that_nobody_knows_are_shown_after_the_others():
    run = replace(phases_pass(), wall_ns=150 * MS)
    run = replace(run, phases_ns={**run.phases_ns, "teleport": 50 * MS})
    found = view.phases_view(replace(EMPTY, phases=(run,)))
    assert found is not None
    assert found.rows[-1].style.name == "teleport"
    assert sum(piece.width for piece in found.bar) == pytest.approx(1000)


def test_a_page_links_the_dump_that_is_there(tmp_path: Path):
    recording = replace(EMPTY, cprofile=str(tmp_path / "a b.prof"))
    page = tmp_path / "sub" / "r.html"
    page.parent.mkdir()
    write_page(recording, page)
    assert "What snakeviz shows" not in page.read_text(encoding="utf-8")
    page_of(tmp_path / "a b.prof").write_text("there")
    write_page(recording, page)
    assert '<a href="../a%20b.prof.html">What snakeviz shows' in page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def recording_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("recording") / "r.html"
    write_page(FULL, page)
    return page


@pytest.mark.browser
@pytest.mark.slow
def test_a_page_is_whole_and_quiet(site_watched: Watched, recording_page: Path):
    page = site_watched.page
    page.goto(recording_page.as_uri())
    assert page.title() == f"jitscope: {HOSTILE} --fast"
    assert page.locator("h1").inner_text() == f"{HOSTILE} --fast"
    ids = [page.locator(f"section#{name} h2").count() for name in SECTIONS]
    assert ids == [1] * len(SECTIONS)
    bar = page.get_by_role("img", name="Share of the wall time: compile 60.0%, host 40.0%")
    widths = bar.locator("rect").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().width)"
    )
    assert widths[0] / widths[1] == pytest.approx(1.5, rel=0.01)
    # The colours are those of the sheet's drawing, not of a blocked style.
    assert bar.locator("rect").first.get_attribute("fill") == "#c8434f"
    assert page.locator("#conversions tbody tr").nth(0).inner_text().startswith("/p/fit.py:9")
    line = page.locator("#lines tbody tr", has_text="if norm < tol")
    assert line.locator("td").all_inner_texts()[:6] == ["4", "8.00", "25.0%", "4", "", "2.00"]
    first = page.locator("#opportunities tbody tr").first.inner_text()
    assert "60.0 to 60.0%" in first
    assert "2.50 to 2.50" in first
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_dark_and_by_keyboard_without_scripts(
    site_browser: Browser, recording_page: Path, scheme: str
):
    context = site_browser.new_context(
        viewport={"width": 360, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    watched = Watched(context)
    page = watched.page
    page.goto(recording_page.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert colour == ("rgb(20, 24, 30)" if scheme == "dark" else "rgb(246, 247, 249)")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for name in SECTIONS:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.hash") == f"#{name}"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Phases"
    context.close()
    watched.assert_quiet()


def test_an_empty_recording_has_a_page():
    empty: Recording = replace(EMPTY, conversions=(), lines=())
    html = render_recording(empty, dump_page=None)
    assert "There was none." in html
    assert "No line of the program was followed" in html


def cells_of(html: str, section: str) -> list[str]:
    """Return the cells of the first row of a section's first table, as text."""
    part = html.partition(f'<section id="{section}">')[2]
    row = part.partition("<tbody>")[2].partition("</tr>")[0]
    return [re.sub("<[^>]*>", "", one) for one in re.findall(r"<t[hd].*?</t[hd]>", row)]


def test_conversions_are_told_by_call_and_by_run_of_their_line():
    site = replace(SITE, count=300, calls=3)
    lines = (replace(LINES[0], hits=9, function="other"), replace(LINES[0], hits=150))
    known = render_recording(replace(EMPTY, conversions=(site,), lines=lines), dump_page=None)
    assert cells_of(known, "conversions")[3:7] == ["300", "3", "100", "2"]
    older = replace(EMPTY, conversions=(SITE,), lines=(replace(LINES[0], line=10),))
    assert cells_of(render_recording(older, dump_page=None), "conversions")[3:7] == [
        "4",
        *3 * ["\N{EN DASH}"],
    ]
    alone = render_recording(replace(EMPTY, conversions=(site,)), dump_page=None)
    assert cells_of(alone, "conversions")[3:6] == ["300", "3", "100"]
    assert "a hit" not in alone


def test_what_stands_between_backticks_is_code():
    found = with_code("Use `jax.device_put`, <b>not</b> `x < y`.")
    assert found == (
        "Use <code>jax.device_put</code>, &lt;b&gt;not&lt;/b&gt; <code>x &lt; y</code>."
    )
    assert with_code("") == ""
    html = render_recording(replace(EMPTY, conversions=(SITE,)), dump_page=None)
    assert "<code>jnp.where</code>" in html
    assert "`" not in html.partition("</style>")[2]
