"""Compare two sessions of `make profile`, problem by problem.

Each call of a problem is compared as a recording is (`compare_recordings`). A session times a call
once, so its times get no verdict; what grows with the data was called often enough for one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jitscope.compare_lines import LineChange
from jitscope.compare_recordings import (
    Comparison,
    CounterRow,
    TimeRow,
    compare,
    differing_environments,
    notes_on_environments,
    time_row,
)
from jitscope.growth import Growth
from jitscope.recording import Recording
from jitscope.session import ProblemProfile, Session
from jitscope.session_recordings import calls_of

ONCE = (
    "A session records each call once, which is too few for a verdict on its times; `make history` "
    "measures commits often enough."
)


@dataclass(frozen=True)
class ProblemComparison:
    """What differs in one problem.

    Attributes
    ----------
    problem, solver : str
    comparison : Comparison
        Names of times begin with the call, as "warm call: dispatch"; what was recorded on neither
        side is left out. Notes are those on this problem alone.
    """

    problem: str
    solver: str
    comparison: Comparison


@dataclass(frozen=True)
class SessionComparison:
    """What differs between two sessions.

    Attributes
    ----------
    problems : tuple of ProblemComparison
        Those that both have.
    growth : tuple of TimeRow
        A call at each length that both have.
    notes : tuple of str
        Sentences on what could not be compared, or may mislead.
    """

    problems: tuple[ProblemComparison, ...]
    growth: tuple[TimeRow, ...]
    notes: tuple[str, ...]

    @property
    def counter_regressed(self) -> bool:
        """Whether any counter of any problem went up."""
        return any(one.comparison.counter_regressed for one in self.problems)


def compare_sessions(a: Session, b: Session) -> SessionComparison:
    """Compare two sessions, `a` being the base.

    Parameters
    ----------
    a, b : Session

    Returns
    -------
    SessionComparison
    """
    base, head = ({(p.problem, p.solver): p for p in one.problems} for one in (a, b))
    calls = [
        {(one.problem, one.solver, one.call): one.recording for one in calls_of(session)}
        for session in (a, b)
    ]
    problems = tuple(
        ProblemComparison(*key, _compared(base[key], head[key], *calls))
        for key in base
        if key in head
    )
    notes = _notes(a, b)
    if any(row.verdict == "insufficient" for one in problems for row in one.comparison.times):
        notes += (ONCE,)
    return SessionComparison(problems, _growth(a, b), notes)


_Calls = dict[tuple[str, str, str], Recording]


def _compared(
    base: ProblemProfile, head: ProblemProfile, before: _Calls, after: _Calls
) -> Comparison:
    times: list[TimeRow] = []
    counters: list[CounterRow] = []
    lines: list[LineChange] = []
    for key in before:
        if key[:2] != (base.problem, base.solver) or key not in after:
            continue
        found = compare(before[key], after[key], mend="")
        call = key[2]
        times += [
            replace(row, name=f"{call}: {row.name}")
            for row in found.times
            if row.base_ns is not None or row.head_ns is not None
        ]
        counters += [
            replace(row, name=f"{call}: {row.name}")
            for row in found.counters
            if row.base is not None or row.head is not None
        ]
        lines += found.lines
    costliest = sorted(lines, key=lambda one: -one.cost_ns)
    notes = tuple(_failures(base, "first")) + tuple(_failures(head, "second"))
    return Comparison(tuple(times), tuple(counters), tuple(costliest), notes)


def _failures(profile: ProblemProfile, side: str) -> Iterable[str]:
    for name, reason in profile.failures.items():
        yield f"The {name} pass failed in the {side}: {reason.rstrip('.')}."


def _growth(a: Session, b: Session) -> tuple[TimeRow, ...]:
    before, after = ({(g.solver, g.problem): g for g in one.growth} for one in (a, b))
    differing = differing_environments(a.environment, b.environment)
    rows = [_length(before[key], after[key]) for key in before if key in after]
    if not differing:
        return tuple(rows)
    why = f"another {', '.join(differing)}"
    return tuple(replace(row, ratio=None, verdict="not comparable", why=why) for row in rows)


def _length(base: Growth, head: Growth) -> TimeRow:
    samples = [[float(ns) for ns in one.calls_ns] for one in (base, head)]
    name = f"{base.solver}, {base.points:,} points"
    return time_row(name, (samples[0], ""), (samples[1], ""), "")


def _notes(a: Session, b: Session) -> tuple[str, ...]:
    notes = list(notes_on_environments(a.environment, b.environment))
    names = [[f"{one.problem} ({one.solver})" for one in s.problems] for s in (a, b)]
    for side, here, there in (("first", *names), ("second", *reversed(names))):
        alone = [name for name in here if name not in there]
        if alone:
            notes.append(f"Only the {side} has {', '.join(alone)}.")
    return tuple(notes)
