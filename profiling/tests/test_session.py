"""Sessions survive the disk, damaged and foreign files are named, tables add up."""

import dataclasses
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jitscope.conversions import ConversionSite
from jitscope.counters import Counters, ModuleCounters
from jitscope.environment import Environment
from jitscope.errors import UserError
from jitscope.lines import LineTime
from jitscope.overhead import Cost, Overhead
from jitscope.recorded import DevicePass, OpTime, ScopeTime
from jitscope.report import tables
from jitscope.report.profile_page import render_profile_page
from jitscope.report.rendering import Neighbours
from jitscope.report.terminal import print_session
from jitscope.session import (
    SCHEMA_VERSION,
    CallPhases,
    ProblemProfile,
    Session,
    load_session,
    save_session,
)
from rich.console import Console

ROOT = Path("/somewhere/project")
HOSTILE = "<script>alert(1)</script>[bold]"
FIRST_CALL = CallPhases(
    wall_ns=1_000_000_000,
    unobserved_wall_ns=None,
    phases_ns={
        "import": 300_000_000,
        "backend": 100_000_000,
        "trace": 60_000_000,
        "lower": 120_000_000,
        "compile": 270_000_000,
        "cache_load": 0,
        "to_device": 30_000_000,
        "to_host": 20_000_000,
        "dispatch": 40_000_000,
        "device_wait": 50_000_000,
        "host": 10_000_000,
    },
    by_stage_ns={},
    calls={},
    modules=7,
)
WARM_CALL = CallPhases(
    wall_ns=1000,
    unobserved_wall_ns=400,
    phases_ns={"import": None, "backend": None, "host": 450, "to_host": 200, "dispatch": 350},
    by_stage_ns={
        "": {"host": 100, "device_wait": 50, "to_host": 50},
        "factorisation": {"host": 250, "dispatch": 300},
        "inner loop": {"host": 100, "to_host": 150},
    },
    calls={},
    modules=0,
)
PROFILE = ProblemProfile(
    problem="linear_100",
    size="small",
    solver="trustfit",
    first_call=FIRST_CALL,
    warm_call=WARM_CALL,
    outer_iterations=3,
    inner_iterations=4,
    conversions=(
        ConversionSite(f"{ROOT}/solver/a.py", 7, "f", "to_host", "numpy", 4, 32, 1000, 2000),
        ConversionSite(f"/x/site-packages/b/{HOSTILE}.py", 8, "g", "to_device", "jit", 1, 8, 0, 1),
    ),
    lines=(LineTime(f"{ROOT}/solver/a.py", 7, "f", 4, 5000, HOSTILE),),
    cprofile={"first": "results/profile/x.prof"},
    failures={"cprofile": HOSTILE},
    device=DevicePass(
        2_000_000,
        1_000_000,
        (ScopeTime(HOSTILE, "solve", 750_000, 4), ScopeTime("jit_fit", "(mixed)", 250_000, 2)),
        (OpTime("jit_fit", "fusion.1", "fusion", ("solve",), 1_000_000, 6),),
    ),
    counters=Counters((ModuleCounters("fit", 40, 200, None, False),), 3, 2),
)
FUSED_CALL = CallPhases(
    wall_ns=2_000_000,
    unobserved_wall_ns=1_250_000,
    phases_ns={"host": 500_000, "to_device": 500_000, "dispatch": 1_000_000},
    by_stage_ns={"": {"host": 500_000, "to_device": 500_000, "dispatch": 1_000_000}},
    calls={},
    modules=0,
)
STEPPED_CALL = CallPhases(
    wall_ns=9_000_000,
    unobserved_wall_ns=8_500_000,
    phases_ns={"host": 8_000_000, "to_host": 1_000_000},
    by_stage_ns={
        "": {"host": 1_000_000},
        "residual and Jacobian": {"host": 2_000_000, "to_host": 1_000_000},
        "reduction": {"host": 2_000_000},
        "trust-region step": {"host": 2_000_000},
        "stopping test": {"host": 1_000_000},
    },
    calls={},
    modules=0,
)
IN_STEPS = dataclasses.replace(
    PROFILE,
    problem="exponential_1000",
    warm_call=FUSED_CALL,
    split_driver="stepped",
    stepped_call=STEPPED_CALL,
    stepped_conversions=(
        ConversionSite(f"{ROOT}/solver/a.py", 7, "f", "to_device", "jit", 9, 32, 1000, 2000),
    ),
)
COST = Cost(69_000.0, 60_000.0, 70_000.0, 15)
SESSION = Session(
    schema_version=SCHEMA_VERSION,
    created_utc="2026-01-02T03:04:05+00:00",
    environment=Environment("3.11.7", "Linux x86_64", "A CPU", 2, {"jax": None}, None, None),
    overhead=Overhead(COST, COST, COST),
    problems=(PROFILE,),
)


def test_a_session_comes_back_from_disk_as_it_was(tmp_path: Path):
    path = tmp_path / "sessions" / "one.json"
    save_session(SESSION, path)
    assert load_session(path) == SESSION
    assert list(path.parent.iterdir()) == [path]


def test_a_session_from_before_there_was_a_stepped_driver_is_read(tmp_path: Path):
    path = tmp_path / "one.json"
    save_session(dataclasses.replace(SESSION, schema_version=1), path)
    data = json.loads(path.read_text(encoding="utf-8"))
    for name in ("split_driver", "stepped_call", "stepped_conversions", "device", "counters"):
        del data["problems"][0][name]
    for name in ("growth", "growth_failures"):
        del data[name]
    path.write_text(json.dumps(data), encoding="utf-8")
    earlier = dataclasses.replace(PROFILE, device=None, counters=None)
    assert load_session(path).problems == (earlier,)


def test_the_file_says_which_driver_was_split(tmp_path: Path):
    path = tmp_path / "one.json"
    session = dataclasses.replace(SESSION, problems=(IN_STEPS,))
    save_session(session, path)
    assert load_session(path) == session
    assert json.loads(path.read_text(encoding="utf-8"))["problems"][0]["split_driver"] == "stepped"


def test_a_session_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SESSION.schema_version = 1  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"schema_version": 1, "proble', "not whole JSON"),
        ('{"schema_version": 5}', "schema version 5; this jitscope reads 1 and 2 and 3 and 4"),
        ("[]", "schema version None"),
        ('{"schema_version": 1, "created_utc": "now"}', "is not a session: .*environment"),
    ],
)
def test_a_damaged_newer_or_foreign_file_names_itself(tmp_path: Path, text: str, what: str):
    path = tmp_path / "odd.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=rf"odd\.json.*{what}"):
        load_session(path)


def test_a_missing_file_says_what_writes_one(tmp_path: Path):
    with pytest.raises(UserError, match="make profile"):
        load_session(tmp_path / "none.json")


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10**12), min_size=1, max_size=12))
def test_shares_add_up_to_exactly_one_hundred(amounts: dict[str, int]):
    shares = tables.shares_percent(amounts)
    total = sum(amounts.values())
    assert sum(round(10 * share) for share in shares.values()) == (1000 if total else 0)
    for name, amount in amounts.items():
        assert abs(shares[name] - (100 * amount / total if total else 0)) < 0.1 + 1e-9


def test_the_first_call_has_every_phase_and_the_share_of_compilation():
    row = tables.first_call_row(PROFILE)
    assert row is not None
    assert row.total_ms == 1000
    assert row.share_percent["transfers"] == 5.0
    assert row.share_percent["import"] == 30.0
    # 450 ms of the 600 that are neither import nor back end.
    assert row.jit_share_percent == pytest.approx(75.0)


def test_inside_the_solve_conversions_are_taken_out_of_the_stages():
    parts = tables.inside_the_solve(WARM_CALL)
    assert parts == {
        "factorisation": 550,
        "inner loop": 100,
        "other kernels": 50,
        "arguments and conversions": 200,
        "host": 100,
    }
    assert sum(parts.values()) == WARM_CALL.wall_ns
    compiling = dataclasses.replace(WARM_CALL, by_stage_ns={"inner loop": {"compile": 1000}})
    assert tables.inside_the_solve(compiling)["compilation"] == 1000


def test_both_walls_of_a_solver_in_steps_have_a_row():
    fused, stepped = tables.solve_rows(IN_STEPS)
    assert (fused.driver, fused.unobserved_ms) == ("fused", 1.25)
    assert fused.share_percent == {
        "compiled solve": 50.0,
        "arguments and conversions": 25.0,
        "host": 25.0,
    }
    assert (fused.outer_iterations, fused.inner_iterations) == (None, None)
    assert (stepped.driver, stepped.unobserved_ms) == ("stepped", 8.5)
    assert stepped.share_percent["reduction"] == 22.2
    assert (stepped.outer_iterations, stepped.inner_iterations) == (3, 4)
    (own,) = tables.solve_rows(PROFILE)
    assert own.driver == ""


def test_where_one_of_the_calls_failed_the_other_one_has_its_row():
    without_steps = dataclasses.replace(IN_STEPS, stepped_call=None)
    assert [row.driver for row in tables.solve_rows(without_steps)] == ["fused"]
    without_own = dataclasses.replace(IN_STEPS, warm_call=None)
    assert [row.driver for row in tables.solve_rows(without_own)] == ["stepped"]
    note = tables.driver_note(without_own)
    assert note is not None
    assert "the fused one, which users run, takes an unknown time" in note


def test_lines_meet_the_conversions_of_their_own_call():
    (line,) = tables.line_rows(IN_STEPS)
    assert (line.to_device, line.to_host) == (9, 0)
    (line,) = tables.line_rows(PROFILE)
    assert (line.to_device, line.to_host) == (0, 4)


NOTE = (
    "plit measured through the stepped driver, which takes 8.50 ms; the fused one, which users "
    "run, takes 1.25 ms"
)


def test_the_page_says_which_driver_was_split():
    session = dataclasses.replace(SESSION, problems=(PROFILE, IN_STEPS))
    html = render_profile_page(session, ROOT, beside=Neighbours(asv=False, profile=True))
    assert html.count(f"S{NOTE}") == 1
    assert "Users run the <b>fused</b> driver" in html
    assert html.count('<td class="text">fused</td>') == 1
    assert html.count('<td class="text">stepped</td>') == 1
    assert html.count('<td class="text">own</td>') == 1
    assert html.count("through the fused driver, as users call it") == 1
    assert html.count("The stepped driver, line by line") == 1
    assert html.count("The driver, line by line") == 1


def test_the_page_of_a_solver_without_steps_does_not_speak_of_drivers():
    # What they show of programs speaks of fused kernels.
    profile = dataclasses.replace(PROFILE, device=None, counters=None)
    session = dataclasses.replace(SESSION, problems=(profile,))
    html = render_profile_page(session, ROOT, beside=Neighbours(asv=False, profile=True))
    assert "fused" not in html
    assert "stepped" not in html


def test_every_stage_has_a_colour_of_its_own():
    session = dataclasses.replace(SESSION, problems=(IN_STEPS,))
    html = render_profile_page(session, ROOT, beside=Neighbours(asv=False, profile=True))
    (legend,) = re.findall(
        r"Inside a warm solve</h2>.*?<ul class=\"legend\">(.*?)</ul>", html, re.S
    )
    colours = re.findall(r"background-color:(#\w+)", legend)
    assert len(colours) == 8
    assert len(set(colours)) == 8


def test_a_pass_that_failed_leaves_its_row_out():
    failed = dataclasses.replace(PROFILE, first_call=None, warm_call=None, conversions=None)
    assert tables.first_call_row(failed) is None
    assert tables.solve_rows(failed) == []
    assert tables.conversion_rows(failed, ROOT) == []


def test_places_are_shown_relative_and_the_costliest_first():
    rows = tables.conversion_rows(PROFILE, ROOT)
    assert rows[0].place == "solver/a.py:7"
    assert rows[1].place == f"b/{HOSTILE}.py:8"
    assert tables.relative_place("/elsewhere/c.py", ROOT) == "c.py"


def test_the_page_shows_everything_as_text():
    html = render_profile_page(SESSION, ROOT, beside=Neighbours(asv=False, profile=True))
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "solver/a.py:7" in html
    assert "cprofile failed:" in html
    assert "busy for 1.00 ms of 2.00 ms" in html
    assert re.search(r"solve</th>.*?<td>0\.750</td><td>75\.0%</td><td>4</td>", html)
    assert 'aria-label="&lt;script&gt;alert(1)&lt;/script&gt;[bold]: solve 75.0%' in html
    assert re.search(r"HLO instructions</th><td>200</td>", html)
    assert re.search(r"temporary bytes</th><td>not known</td>", html)
    assert str(ROOT) not in html


def test_the_page_bounds_what_removing_each_cost_of_a_users_call_brings():
    session = dataclasses.replace(SESSION, problems=(IN_STEPS,))
    html = render_profile_page(session, ROOT, beside=Neighbours(asv=False, profile=True))
    rows = re.findall(r"<tr><th scope=\"row\">exponential_1000</th>(.*?)</tr>", html)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    assert ["first call", "compile", "45.0%", "1.82"] in [row[:4] for row in cells]
    assert ["warm call", "dispatch", "50.0%", "2.00"] in [row[:4] for row in cells]
    assert not any(row[0] == "stepped call" for row in cells)
    failed = dataclasses.replace(IN_STEPS, first_call=None, warm_call=None)
    session = dataclasses.replace(SESSION, problems=(failed,))
    html = render_profile_page(session, ROOT, beside=Neighbours(asv=False, profile=True))
    assert "Opportunities" not in html


def test_the_page_tells_conversions_by_call():
    site = ConversionSite("/p/a.py", 7, "f", "to_host", "numpy", 12, 32, 1000, 2000, calls=3)
    older = dataclasses.replace(site, line=8, calls=None, wait_ns=0)
    profile = dataclasses.replace(PROFILE, conversions=(site, older))
    session = dataclasses.replace(SESSION, problems=(profile,))
    html = render_profile_page(session, ROOT, beside=Neighbours(asv=False, profile=True))
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in html.split("<tr>") if "a.py:" in row]
    assert [row[2:5] for row in rows[:2]] == [["12", "3", "4"], ["12", *2 * ["\N{EN DASH}"]]]


def test_the_page_says_in_whole_words_that_there_is_no_commit():
    html = render_profile_page(SESSION, ROOT, beside=Neighbours(asv=False, profile=True))
    assert "2026-01-02, not in git." in html


def test_the_terminal_shows_every_table_whole_in_100_columns():
    console = Console(width=100, file=StringIO(), color_system=None)
    print_session(SESSION, ROOT, console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "solver/a.py:7" in text
    assert HOSTILE in text.replace("\n", "")
    assert "The hottest conversions of one warm fit" in text
    assert "…" not in text
    (row,) = [line for line in text.splitlines() if line.endswith("(mixed)")]
    assert row.split() == ["linear_100", "jit_fit", "0.25", "25.0", "(mixed)"]
    assert re.search(r"HLO instructions +200\n", text)
    assert re.search(r"temporary bytes +-\n", text)
    columns = ("transfers", "dispatch", "host JIT", "factorisation", "kernels", "conversions")
    assert [column for column in columns if column not in text] == []
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_terminal_shows_both_drivers_whole_in_100_columns():
    console = Console(width=100, file=StringIO(), color_system=None)
    print_session(dataclasses.replace(SESSION, problems=(PROFILE, IN_STEPS)), ROOT, console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert f"exponential_1000: s{NOTE}" in " ".join(text.split())
    own, fused, stepped = (
        text.index(title)
        for title in (
            "Inside one warm solve:",
            "One warm fit as users call it, fused:",
            "Inside a warm solve by the stepped driver, not the users' one:",
        )
    )
    assert "The hottest conversions of one warm fused fit" in text
    assert own < text.index("factorisation") < fused < text.index("compiled") < stepped
    columns = ("reduction", "trust-", "region", "stopping", "conversions")
    assert [column for column in columns if column not in text[stepped:]] == []
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_a_session_holds_no_nan(tmp_path: Path):
    odd = dataclasses.replace(SESSION, overhead=Overhead(Cost(float("nan"), 0, 0, 1), COST, COST))
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_session(odd, tmp_path / "odd.json")
    save_session(SESSION, tmp_path / "even.json")
    json.loads((tmp_path / "even.json").read_text(encoding="utf-8"))
