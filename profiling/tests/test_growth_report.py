"""How growth is shown: rows, chart data, the plot in text and the section of the page."""

import dataclasses
from io import StringIO
from pathlib import Path

import pytest
from jitscope.growth import Growth
from jitscope.report.growth import chart_data, growth_rows, terminal_plot
from jitscope.report.profile_page import render_profile_page
from jitscope.report.rendering import Neighbours
from jitscope.report.terminal import print_session
from jitscope.session import load_session, save_session
from rich.console import Console

from .test_session import ROOT, SESSION


def length(points: int, ms: float, peak_mb: float | None, calls: int = 8) -> Growth:
    peak = None if peak_mb is None else int(peak_mb * 1e6)
    return Growth("x", f"g_{points}", points, (int(ms * 1e6),) * calls, peak)


GROWTH = (
    length(10**4, 1.0, 20.0),
    length(10**5, 5.0, 20.0),
    length(10**6, 100.0, 200.0),
    length(10**7, 3000.0, 20_000.0, calls=1),
)
GROWN = dataclasses.replace(SESSION, growth=GROWTH, growth_failures={"g": "took <too> long."})


def test_growth_is_relative_to_the_shortest_length():
    rows = growth_rows(GROWTH[::-1])
    assert [row.points for row in rows] == [10**4, 10**5, 10**6, 10**7]
    assert [row.of_linear for row in rows] == pytest.approx([1.0, 0.5, 1.0, 3.0])
    assert [row.peak_mb for row in rows] == [20.0, 20.0, 200.0, 20_000.0]
    assert rows[0].ms.lo == 1.0
    assert (rows[3].ms.lo, rows[3].ms.n) == (None, 1)


def test_the_chart_leaves_unmeasured_memory_out():
    rows = growth_rows([*GROWTH[:1], length(10**5, 5.0, None)])
    data = chart_data(rows)
    memory, time = data["growth-memory"], data["growth-time"]
    assert isinstance(memory, dict)
    assert isinstance(time, dict)
    assert (memory["points"], memory["values"]) == ([10**4], [20.0])
    assert time["values"] == [1.0, 5.0]
    assert time["text"][0] == "1.00 ms (1.00 to 1.00)"


def test_the_plot_in_text_marks_linear_growth():
    console = Console(width=100, file=StringIO(), color_system=None)
    console.print(terminal_plot(growth_rows(GROWTH)))
    assert isinstance(console.file, StringIO)
    lines = {line.split()[0]: line for line in console.file.getvalue().splitlines() if line.strip()}
    points = (10**4, 10**5, 10**6, 10**7)
    shortest, half, exact, steep = (lines[f"{one:,}"].partition(")")[2].strip() for one in points)
    assert shortest.split() == ["|", "20.0", "|"]
    # Six cells a decade: log10(5) of them, and the mark where a whole decade ends.
    assert half.split() == ["█" * 5, "|", "20.0", "█", "|"]
    assert exact.split() == ["█" * 12 + "|", "200", "█" * 7, "|"]
    assert steep.split() == ["█" * 18 + "|" + "█" * 3, "20,000", "█" * 18 + "|"]
    beyond = growth_rows([GROWTH[0], length(10**5, 1000.0, 20.0)])
    console.print(terminal_plot(beyond))
    assert "█" * 6 + "|" + "█" * 4 + "»" in console.file.getvalue()


def test_the_page_and_the_terminal_show_it():
    html = render_profile_page(GROWN, ROOT, beside=Neighbours(asv=False, profile=True))
    assert "10,000,000" in html
    assert "no interval" in html
    assert 'id="growth-data"' in html
    assert "took &lt;too&gt; long." in html
    console = Console(width=100, file=StringIO(), color_system=None)
    print_session(GROWN, ROOT, console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "10,000,000" in text
    assert "Not measured: took <too> long." in text
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_an_older_session_has_no_such_section():
    html = render_profile_page(SESSION, ROOT, beside=Neighbours(asv=False, profile=True))
    assert "grow with the data" not in html
    assert "plotly" not in html


def test_it_comes_back_from_disk_as_it_was(tmp_path: Path):
    save_session(GROWN, tmp_path / "one.json")
    assert load_session(tmp_path / "one.json") == GROWN
