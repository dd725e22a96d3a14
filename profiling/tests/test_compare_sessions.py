"""Two sessions, problem by problem, with the verdicts of recordings."""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jitscope import cli
from jitscope.compare_sessions import ONCE, SessionComparison, compare_sessions
from jitscope.growth import Growth
from jitscope.recordings import save_recording
from jitscope.report.comparison_terminal import print_session_comparison
from jitscope.session import Session, save_session
from jitscope.session_recordings import calls_of
from rich.console import Console

from .test_recording_terminal import EMPTY
from .test_session import FUSED_CALL, IN_STEPS, PROFILE, SESSION

MS = 10**6
LENGTH = Growth("trustfit", "gaussian_scaling_10000", 10_000, tuple(range(100, 107)), None)
BASE = replace(SESSION, problems=(PROFILE, IN_STEPS), growth=(LENGTH,))


def with_problem(session: Session = BASE, **changes: Any) -> Session:
    """Return the session with changes in its second problem, `IN_STEPS`."""
    first, second = session.problems
    return replace(session, problems=(first, replace(second, **changes)))


def verdicts(comparison: SessionComparison, problem: str) -> Mapping[str, tuple[str, str]]:
    (found,) = [one.comparison for one in comparison.problems if one.problem == problem]
    return {row.name: (row.verdict, row.why) for row in (*found.times, *found.counters)}


def shown(comparison: SessionComparison) -> str:
    file = io.StringIO()
    print_session_comparison(comparison, Console(file=file, width=200))
    return file.getvalue()


def test_the_calls_of_a_session_are_recordings():
    calls = {(one.problem, one.call): one.recording for one in calls_of(BASE)}
    assert list(calls) == [
        *(("linear_100", call) for call in ("first call", "warm call")),
        *(("exponential_1000", call) for call in ("first call", "warm call", "stepped call")),
    ]
    first, warm, stepped = (calls["exponential_1000", f"{c} call"] for c in CALLS)
    assert first.phases[0].wall_ns == 1_000 * MS
    assert (first.counters, first.conversions) == (IN_STEPS.counters, None)
    assert warm.phases[0].phases_ns == FUSED_CALL.phases_ns
    assert (warm.conversions, warm.device) == (IN_STEPS.conversions, IN_STEPS.device)
    assert (warm.counters, warm.lines) == (None, None)
    assert (stepped.conversions, stepped.lines) == (IN_STEPS.stepped_conversions, IN_STEPS.lines)
    assert stepped.device is None
    assert calls["linear_100", "warm call"].lines == PROFILE.lines
    assert first.command == ("profile", "trustfit", "exponential_1000", "first call")
    assert first.environment == SESSION.environment


CALLS = ("first", "warm", "stepped")


def test_a_session_differs_in_nothing_from_itself():
    found = compare_sessions(BASE, BASE)
    assert [one.problem for one in found.problems] == ["linear_100", "exponential_1000"]
    rows = verdicts(found, "exponential_1000")
    assert rows["warm call: wall"] == ("insufficient", "1 run")
    assert rows["first call: HLO instructions"] == ("unchanged", "")
    assert rows["stepped call: conversions to device"] == ("unchanged", "")
    assert [row.verdict for row in found.growth] == ["unchanged"]
    assert found.notes == (ONCE,)
    assert not found.counter_regressed
    assert all(one.comparison.lines == () for one in found.problems)


def test_what_was_recorded_on_neither_side_is_left_out():
    rows = verdicts(compare_sessions(BASE, BASE), "exponential_1000")
    assert "warm call: import" not in rows
    assert "warm call: HLO instructions" not in rows
    assert "first call: conversions to host" not in rows
    one_sided = compare_sessions(BASE, with_problem(counters=None))
    rows = verdicts(one_sided, "exponential_1000")
    assert rows["first call: HLO instructions"] == (
        "insufficient",
        "no counters pass in the second",
    )


def test_counters_conversions_and_lines_have_the_verdicts_of_recordings():
    assert IN_STEPS.counters is not None
    module = replace(IN_STEPS.counters.modules[0], hlo_instructions=300)
    counters = replace(IN_STEPS.counters, modules=(module,), host_syncs=1)
    assert IN_STEPS.conversions is not None
    changed = with_problem(counters=counters, conversions=IN_STEPS.conversions[:1])
    found = compare_sessions(BASE, changed)
    rows = verdicts(found, "exponential_1000")
    assert rows["first call: HLO instructions"][0] == "regressed"
    assert rows["first call: host syncs"][0] == "improved"
    assert rows["warm call: conversions to device"][0] == "improved"
    assert rows["warm call: conversions to host"][0] == "unchanged"
    assert found.counter_regressed
    assert not compare_sessions(changed, BASE).problems[0].comparison.counter_regressed
    (line,) = found.problems[1].comparison.lines
    assert (line.change, line.base and line.base.line) == ("gone", 8)
    text = shown(found)
    assert "Counters that changed" in text
    assert "regressed" in text
    assert "11 counters are the same." in text
    assert max(map(len, text.splitlines()[1:])) <= 100


@pytest.mark.parametrize(
    ("factor", "samples", "verdict"),
    [(2, 7, "regressed"), (0.5, 7, "improved"), (1, 7, "unchanged"), (2, 6, "insufficient")],
)
def test_lengths_were_called_often_enough_for_a_verdict(factor: float, samples: int, verdict: str):
    calls_ns = tuple(round(factor * ns * 100) for ns in LENGTH.calls_ns[:samples])
    base = replace(
        BASE, growth=(replace(LENGTH, calls_ns=tuple(100 * x for x in LENGTH.calls_ns)),)
    )
    head = replace(BASE, growth=(replace(LENGTH, calls_ns=calls_ns),))
    (row,) = compare_sessions(base, head).growth
    assert (row.name, row.verdict) == ("trustfit, 10,000 points", verdict)
    assert verdict in shown(compare_sessions(base, head))


def test_another_machine_makes_times_incomparable_and_another_jax_counters_too():
    packages = {"jax": "0.12.0"}
    other = replace(BASE, environment=replace(SESSION.environment, cpu="Another"))
    found = compare_sessions(BASE, other)
    rows = verdicts(found, "linear_100")
    assert rows["first call: wall"] == ("not comparable", "another processor")
    assert rows["first call: HLO instructions"][0] == "unchanged"
    assert [row.verdict for row in found.growth] == ["not comparable"]
    assert found.notes[0].startswith("Another processor (A CPU, then Another): times cannot")
    other = replace(BASE, environment=replace(SESSION.environment, packages=packages))
    rows = verdicts(compare_sessions(BASE, other), "linear_100")
    assert rows["first call: HLO instructions"] == ("not comparable", "another JAX")


def test_problems_of_one_side_and_failures_are_said():
    alone = replace(BASE, problems=BASE.problems[:1])
    found = compare_sessions(BASE, alone)
    assert [one.problem for one in found.problems] == ["linear_100"]
    assert "Only the first has exponential_1000 (trustfit)." in found.notes
    assert "Only the second has exponential_1000 (trustfit)." in compare_sessions(alone, BASE).notes
    assert found.problems[0].comparison.notes[0].startswith("The cprofile pass failed in the first")
    apart = compare_sessions(alone, replace(BASE, problems=BASE.problems[1:], growth=()))
    assert "They have no problem in common." in shown(apart)
    other_solver = with_problem(solver="scipy")
    assert len(compare_sessions(BASE, other_solver).problems) == 1


def test_small_phases_are_not_shown_and_walls_are():
    warm = replace(FUSED_CALL, wall_ns=1_000, phases_ns={"host": 985, "dispatch": 10, "to_host": 5})
    text = shown(compare_sessions(with_problem(warm_call=warm), with_problem(warm_call=warm)))
    assert "warm call: wall " in text
    assert "warm call: dispatch" in text
    assert "warm call: to host" not in text.partition("exponential_1000")[2]


def test_the_command_compares_two_of_a_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    a, b, recording = (tmp_path / f"{name}.json" for name in ("a", "b", "recording"))
    save_session(BASE, a)
    assert IN_STEPS.counters is not None
    save_session(with_problem(counters=replace(IN_STEPS.counters, traces=9)), b)
    save_recording(EMPTY, recording)
    assert cli.main(["compare", str(a), str(a)]) == 0
    assert cli.main(["compare", str(a), str(b)]) == 1
    assert "first call: traces" in capsys.readouterr().out
    assert cli.main(["compare", str(a), str(recording)]) == 2
    said = capsys.readouterr().err
    assert "a.json is a session" in said
    assert "recording.json a recording; compare two of a kind." in said
