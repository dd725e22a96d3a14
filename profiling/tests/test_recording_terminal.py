"""The report of a recording on the terminal."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from jitscope.conversions import ConversionSite
from jitscope.counters import Counters
from jitscope.environment import Environment
from jitscope.lines import LineTime
from jitscope.phases import PHASES
from jitscope.recording import (
    SCHEMA_VERSION,
    CompileRequest,
    DevicePass,
    FunctionPhases,
    OpTime,
    PhasesPass,
    Recording,
    ScopeTime,
    ThreadTime,
)
from jitscope.report.recording_terminal import WIDTH, print_recording
from jitscope.report.rendering import shortened
from rich.console import Console

ENVIRONMENT = Environment("3.11.7", "Linux", "A CPU", 2, {"jax": "0.10.2"}, None, None)
EMPTY = Recording(SCHEMA_VERSION, "2026-01-01T00:00:00+00:00", ENVIRONMENT, None, ("fit.py",))
MS = 10**6


def phases_pass(scale: int = 1) -> PhasesPass:
    phases_ns: dict[str, int | None] = dict.fromkeys(PHASES, 0)
    phases_ns |= {"import": None, "compile": 60 * scale * MS, "host": 40 * scale * MS}
    return PhasesPass(
        wall_ns=100 * scale * MS,
        unobserved_wall_ns=None,
        phases_ns=phases_ns,
        functions=(FunctionPhases("jit(step)", 3, {"compile": 60 * scale * MS}),),
        requests=(
            CompileRequest(
                "jit(step)", "/far/away/from/here/fit.py", 7, "cold", 2, "new shape", "x"
            ),
            CompileRequest("jit(step)", None, None, "memory hit", 5, None, None),
        ),
        threads=(ThreadTime("worker-1", {"compile": 5 * MS}),),
    )


SITE = ConversionSite("/p/fit.py", 9, "main", "to_host", "bool()", 4, 4, 2 * MS, MS)
LINES = (LineTime("/p/fit.py", 9, "main", 4, 8 * MS, "if norm < tol:  # [stop]"),)
DEVICE = DevicePass(
    wall_ns=10 * MS,
    busy_ns=5 * MS,
    scopes=(
        ScopeTime("jit_step", "solve/gram", 4 * MS, 8),
        ScopeTime("jit_step", "(mixed)", MS, 2),
    ),
    ops=(OpTime("jit_step", "fusion.1", "fusion", ("solve/gram",), 5 * MS, 10),),
)


def shown(recording: Recording) -> str:
    file = io.StringIO()
    print_recording(recording, Console(file=file, width=200))
    return file.getvalue()


def test_phases_with_what_was_not_measured_in_words():
    text = shown(replace(EMPTY, phases=(phases_pass(),)))
    assert "Recorded once: 100 ms of wall time; none without hooks was measured." in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()}
    assert rows["import"] == ["not", "measured"]
    assert ["compile", "60.0", "60.0"] in [line.split() for line in text.splitlines()]
    assert "No intervals from fewer than 7 runs" in text


def test_seven_runs_have_intervals():
    text = shown(replace(EMPTY, phases=tuple(phases_pass(scale) for scale in range(1, 8))))
    assert "Recorded 7 times, medians: 400 ms" in text
    assert "99% interval" in text
    assert "60.0 (60.0 to 60.0)" in text
    assert "2.50 (2.50 to 2.50)" in text  # 1 / (1 - 0.6)
    assert "No intervals" not in text


def test_causes_advice_memory_hits_and_threads():
    text = shown(replace(EMPTY, phases=(phases_pass(),)))
    assert "…/from/here/fit.py:7" in text
    assert "new shape: Pad to a few lengths" in text
    assert "5 calls found their program in memory." in text
    assert "in thread worker-1, ms: compile 5.00" in text


def test_conversions_have_their_mend_and_lines_their_conversions():
    text = shown(replace(EMPTY, conversions=(SITE,), lines=LINES))
    assert "bool(), to host: Branch inside the program" in text
    (row,) = [line for line in text.splitlines() if "if norm < tol" in line]
    assert row.split()[:6] == ["/p/fit.py:9", "4", "8.00", "4", "0", "2.00"]
    assert "# [stop]" in row


def test_long_source_is_cut_and_figures_are_not():
    long = replace(LINES[0], file="/p/" + "long_" * 6 + "name.py", source="x = 1 + " * 30)
    text = shown(replace(EMPTY, conversions=(SITE,), lines=(long,)))
    (row,) = [line for line in text.splitlines() if "x = 1 +" in line]
    assert row.split()[:6] == [f"{long.file}:9", "4", "8.00", "0", "0", "0"]
    assert row.rstrip().endswith("…")
    assert len(row) <= WIDTH
    assert "to device" in text


def test_lines_alone_say_nothing_of_conversions():
    text = shown(replace(EMPTY, lines=LINES))
    assert "to host" not in text
    assert "if norm < tol" in text


def test_the_device_shows_mixed_scopes_and_operations():
    text = shown(replace(EMPTY, device=DEVICE))
    assert "busy for 5.00 of 10.0 ms, 50.0% of the time" in text
    assert "(mixed)" in text
    assert "fusion.1" in text


def test_counters_that_are_unknown_are_not_zero():
    text = shown(replace(EMPTY, counters=Counters(modules=(), traces=2)))
    (row,) = [line for line in text.splitlines() if line.startswith("traces")]
    assert row.split() == ["traces", "2"]


@pytest.mark.parametrize(
    ("recording", "sentence"),
    [
        (replace(EMPTY, conversions=()), "No conversion between NumPy and JAX."),
        (replace(EMPTY, lines=()), "No line of the program was followed"),
        (replace(EMPTY, device=DevicePass(1, 0, (), ())), "No operation ran on the device."),
        (replace(EMPTY, exception="ValueError: [bad]"), "It ended with ValueError: [bad]."),
        (replace(EMPTY, failures={"lines": "no [x]"}), "The lines pass gave nothing: no [x]."),
        (replace(EMPTY, command=()), "a block of this process"),
    ],
)
def test_what_is_empty_or_failed_is_a_sentence(recording: Recording, sentence: str):
    assert sentence in shown(recording)


def test_no_line_is_longer_than_the_width():
    long = "a_very_long_name" * 12
    site = replace(SITE, file=f"/p/{long}.py", kind="numpy")
    everything = replace(
        EMPTY,
        phases=(phases_pass(),),
        conversions=(site,),
        lines=(replace(LINES[0], source=long),),
        device=replace(DEVICE, ops=(replace(DEVICE.ops[0], op=long),)),
        cprofile=str(Path("/x") / "y.prof"),
    )
    lines = [line for line in shown(everything).splitlines() if not line.startswith("snakeviz")]
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("width", [None, 70, 200])
def test_the_users_console_keeps_its_width(width: int | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "150")
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    before = console.width
    print_recording(replace(EMPTY, phases=(phases_pass(),)), console)
    assert console.width == before


def test_what_a_console_records_is_recorded_all_the_same():
    console = Console(file=io.StringIO(), width=200, record=True)
    print_recording(replace(EMPTY, phases=(phases_pass(),)), console)
    assert "Recorded once: 100 ms" in console.export_text()


def columns_of(line: str, text: str) -> dict[str, str]:
    """Return the cells of the row that begins with `line`, by the heading they end under."""
    rows = text.splitlines()
    (at,) = [i for i, row in enumerate(rows) if row.startswith(line)]
    headings = next(row for row in reversed(rows[:at]) if row.startswith("line"))
    names = ("count", "calls", "a call", "bytes", "wait ms", "copy ms")
    ends = {name: headings.index(name) + len(name) for name in names}
    return {name: rows[at][:end].split()[-1] for name, end in ends.items()}


def test_conversions_are_told_by_call():
    site = replace(SITE, count=300, calls=3)
    cells = columns_of("/p/fit.py:9", shown(replace(EMPTY, conversions=(site,))))
    assert (cells["count"], cells["calls"], cells["a call"]) == ("300", "3", "100")
    cells = columns_of("/p/fit.py:9", shown(replace(EMPTY, conversions=(SITE,))))
    assert (cells["count"], cells["calls"], cells["a call"]) == ("4", "-", "-")


def test_a_long_place_leaves_the_figures_whole():
    long = replace(SITE, file="/p/" + "long_" * 18 + "name.py", count=1_234_567, bytes=9_876_543)
    text = shown(replace(EMPTY, conversions=(replace(long, calls=1_000),)))
    (row,) = [line for line in text.splitlines() if "1,234,567" in line]
    assert row.split()[-6:] == ["1,234,567", "1,000", "1,235", "9,876,543", "2.00", "1.00"]
    assert "name.py:9" in text
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize(
    ("file", "shown_as"),
    [
        ("{here}/fit.py", "fit.py"),
        ("{here}/.venv/lib/python3.11/site-packages/equinox/_jit.py", "equinox/_jit.py"),
        ("/usr/lib/python3/dist-packages/a.py", "a.py"),
        ("/a/b/c.py", "/a/b/c.py"),
        ("/a/b/c/d/e.py", "…/c/d/e.py"),
    ],
)
def test_a_file_is_shown_as_its_reader_knows_it(file: str, shown_as: str):
    assert shortened(file.format(here=Path.cwd())) == shown_as
