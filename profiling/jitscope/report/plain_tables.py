"""The newest figures as plain tables: what a page shows that runs no script, and reads aloud."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jitscope.attribution import UNOBSERVED, WALL, Attribution, CounterChange, attribute
from jitscope.history import PHASE_BENCHMARK
from jitscope.noise import Noise
from jitscope.overview import Overview
from jitscope.report.conditions import Condition, conditions_of
from jitscope.report.phase_styles import PhaseStyle, phase_styles
from jitscope.report.setups import SetupLine
from jitscope.series import Point, Series, SeriesKey
from jitscope.verdicts import Judgement

_WHOLE = {UNOBSERVED: "whole call, unobserved", WALL: "whole call, observed"}


@dataclass(frozen=True)
class PlainRow:
    """One problem at the last commit that gave a value.

    Attributes
    ----------
    problem : str
    last : Point or None
        Any figure of that commit: its hash, and how many samples it has.
    figures : tuple of Point or None
        In the order of `PlainTable.columns`; None where there is none.
    """

    problem: str
    last: Point | None
    figures: tuple[Point | None, ...]


@dataclass(frozen=True)
class PlainTable:
    """The last figures of every problem of a setup under one condition."""

    setup: SetupLine
    condition: Condition
    columns: tuple[str, ...]
    rows: tuple[PlainRow, ...]


@dataclass(frozen=True)
class PlainChange:
    """One phase at two commits."""

    label: str
    base: Point
    head: Point
    judgement: Judgement


@dataclass(frozen=True)
class PlainComparison:
    """One problem under one condition at the last two commits that gave a value."""

    setup: SetupLine
    condition: Condition
    problem: str
    base: str
    commit: str
    phases: tuple[PlainChange, ...]
    counters: tuple[CounterChange, ...]
    sentence: str


def last_figures(series: Sequence[Series], setups: Sequence[SetupLine]) -> tuple[PlainTable, ...]:
    """Return a table of phases for each setup and condition.

    Parameters
    ----------
    series : sequence of Series
    setups : sequence of SetupLine
    """
    return tuple(
        _table(setup, condition, [one for one in phases if _condition(one) == condition.name])
        for setup in setups
        for phases in [_phases(series, setup)]
        for condition in conditions_of(_condition(one) for one in phases)
    )


def _phases(series: Iterable[Series], setup: SetupLine) -> list[Series]:
    return [
        one for one in series if one.key.setup == setup.key and one.key.benchmark == PHASE_BENCHMARK
    ]


def _condition(series: Series) -> str:
    return series.key.parameter("condition") or ""


def _problem(series: Series) -> str:
    return series.key.parameter("problem") or ""


def _phase(series: Series) -> str:
    return series.key.parameter("phase") or ""


def _table(setup: SetupLine, condition: Condition, phases: Sequence[Series]) -> PlainTable:
    names = _column_names(phases)
    problems = dict.fromkeys(_problem(one) for one in phases)
    return PlainTable(
        setup,
        condition,
        tuple(names.values()),
        tuple(_row(p, [one for one in phases if _problem(one) == p], names) for p in problems),
    )


def _column_names(phases: Sequence[Series]) -> dict[str, str]:
    """Label of each phase that has a value anywhere, whole calls first."""
    measured = {_phase(one) for one in phases if any(point.value for point in one.measured)}
    whole = {name: label for name, label in _WHOLE.items() if name in measured}
    parts: tuple[PhaseStyle, ...] = phase_styles(measured - _WHOLE.keys())
    return whole | {style.name: style.label for style in parts}


def _row(problem: str, phases: Sequence[Series], names: Iterable[str]) -> PlainRow:
    order = max((one.measured[-1].order for one in phases if one.measured), default=None)
    if order is None:
        return PlainRow(problem, None, ())
    points = {
        _phase(one): point for one in phases if (point := one.points[order]).value is not None
    }
    last = points.get(UNOBSERVED) or next(iter(points.values()))
    return PlainRow(problem, last, tuple(points.get(name) for name in names))


def last_changes(
    series: Sequence[Series],
    setups: Sequence[SetupLine],
    overviews: Mapping[tuple[str, str], Overview],
    noises: Mapping[SeriesKey, Noise],
) -> Iterator[PlainComparison]:
    """Yield what moved between the last two commits, for each setup, condition and problem.

    Parameters
    ----------
    series : sequence of Series
    setups : sequence of SetupLine
    overviews : mapping
        Of each setup's key.
    noises : mapping
        Of each series.
    """
    for setup in setups:
        own = [one for one in series if one.key.setup == setup.key]
        rows = overviews[setup.key].rows
        for condition in conditions_of(row.condition for row in rows):
            for row in rows:
                if row.condition != condition.name or row.last is None or row.previous is None:
                    continue
                base, commit = row.previous.commit, row.last.commit
                found = attribute(own, row.problem, row.condition, base, commit, noises=noises)
                yield PlainComparison(
                    *(setup, condition, row.problem, base, commit),
                    tuple(_changes(found, own)),
                    found.counters,
                    found.sentence,
                )


def _changes(found: Attribution, own: Iterable[Series]) -> Iterator[PlainChange]:
    """Phases that took time at either commit, whole calls first."""
    series = {
        _phase(one): one
        for one in own
        if one.key.benchmark == PHASE_BENCHMARK
        and (_problem(one), _condition(one)) == (found.problem, found.condition)
    }
    for change in (found.unobserved, found.wall, *found.phases):
        if change is None or not (change.base_s or change.head_s):
            continue
        label = _WHOLE.get(change.phase) or phase_styles((change.phase,))[0].label
        base, head = (series[change.phase].at(commit) for commit in (found.base, found.commit))
        if base is not None and head is not None:
            yield PlainChange(label, base, head, change.judgement)
