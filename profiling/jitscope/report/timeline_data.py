"""The data of the timelines: one file a problem and setup, and one of the commits they share.

Quantities lie in columns, one value for each commit of the setup. Times are in milliseconds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jitscope.attribution import COUNTERS, FIT_OF, UNOBSERVED, WALL
from jitscope.failures import Reasons, ReasonsByCommit, reasons_at
from jitscope.history import PHASE_BENCHMARK, History
from jitscope.overview import Move
from jitscope.report.setups import SetupLine
from jitscope.report.site_data import rounded, write_data
from jitscope.report.verdict_words import apart_words
from jitscope.series import Point, Series

COMMITS = "commits"
_TIME_UNITS = frozenset(("s", "ms", "us", "seconds", "times"))


def write_commits(html: Path, history: History) -> None:
    """Write hash, first line of the message and author date of every commit, oldest first."""
    columns = (history.commits[name] for name in ("commit", "subject", "author_date"))
    rows = [[commit, subject, date[:10]] for commit, subject, date in zip(*columns, strict=True)]
    write_data(html, COMMITS, rows)


def timeline_name(setup: int, problem: int) -> str:
    """Name of a timeline's data file; both are places in their lists."""
    return f"timeline-{setup}-{problem}"


def timeline_data(
    series: Sequence[Series],
    setup: SetupLine,
    problem: str,
    moves: Iterable[Move] = (),
    failures: Reasons = MappingProxyType({}),
) -> dict[str, Any]:
    """Everything that the timeline of one problem shows.

    Parameters
    ----------
    series : sequence of Series
        Of this setup.
    setup : SetupLine
    problem : str
    moves : iterable of Move
        Steps of any problem, newest first.
    failures : mapping
        Why something failed, where that is known.

    Returns
    -------
    dict
        "orders" (places of the commits on the line), "conditions" (name, "status" of each
        commit, "phases", "wall", "unobserved"), "counters", "steps" and "reasons" (why a commit
        gave no value, by its place in "orders"). A quantity has "ms" or "value" and, for times,
        "lo", "hi" and "n", a list each.
    """
    own = [one for one in series if one.key.parameter("problem") == problem]
    phases = [one for one in own if one.key.benchmark == PHASE_BENCHMARK]
    strips = [one for one in own if _is_strip(one)]
    conditions = dict.fromkeys(one.key.parameter("condition") or "" for one in phases)
    orders = [
        order
        for order in setup.orders
        if any(one.points[order].status != "missing" for one in (*phases, *strips))
    ]
    return {
        "orders": orders,
        "conditions": [
            _condition(
                name, [one for one in phases if one.key.parameter("condition") == name], orders
            )
            for name in conditions
        ],
        "counters": [_counter(one, orders) for one in strips],
        "reasons": _reasons(phases, orders, reasons_at(failures, setup.key)),
        "steps": [_step(one) for one in moves if one.problem == problem][::-1],
    }


def _reasons(
    phases: Sequence[Series], orders: Sequence[int], known: ReasonsByCommit
) -> dict[int, str]:
    found: dict[int, str] = {}
    for place, order in enumerate(orders if phases else ()):
        reasons = known.get(phases[0].points[order].commit, {})
        reason = reasons.get(None) or reasons.get(PHASE_BENCHMARK)
        points = (one.points[order] for one in phases)
        if reason is not None and any(point.status in ("failed", "broken") for point in points):
            found[place] = reason
    return found


def _condition(name: str, series: Sequence[Series], orders: Sequence[int]) -> dict[str, Any]:
    quantities = {one.key.parameter("phase") or "": _points(one, orders) for one in series}
    phases = {n: points for n, points in quantities.items() if n not in (WALL, UNOBSERVED)}
    return {
        "name": name,
        "status": [_status(at) for at in zip(*quantities.values(), strict=True)],
        "phases": [{"name": n, **_times(points)} for n, points in phases.items()],
        "wall": _times(quantities[WALL]) if WALL in quantities else None,
        "unobserved": _times(quantities[UNOBSERVED]) if UNOBSERVED in quantities else None,
    }


def _points(series: Series, orders: Sequence[int]) -> list[Point]:
    return [series.points[order] for order in orders]


def _status(points: Sequence[Point]) -> str:
    """Status of a commit under a condition: that of the phases that say most."""
    found = {point.status for point in points}
    return next((s for s in ("broken", "ok", "failed") if s in found), "missing")


def _times(points: Sequence[Point]) -> dict[str, list[Any]]:
    return {
        "ms": [rounded(None if p.value is None else 1e3 * p.value) for p in points],
        # The interval comes from a posterior with tails; a duration below zero says nothing.
        "lo": [rounded(None if p.lo is None else max(0.0, 1e3 * p.lo)) for p in points],
        "hi": [rounded(None if p.hi is None else 1e3 * p.hi) for p in points],
        "n": [p.n for p in points],
    }


def _is_strip(series: Series) -> bool:
    """Whether a series is one of the strips: no phase, and no time or ratio of times."""
    return (
        series.key.benchmark != PHASE_BENCHMARK
        and series.unit not in _TIME_UNITS
        and bool(series.measured)
    )


def _counter(series: Series, orders: Sequence[int]) -> dict[str, Any]:
    return {
        "label": counter_label(series),
        "unit": series.unit,
        "exact": series.is_counter,
        "conditions": _conditions_of(series),
        "value": [rounded(point.value) for point in _points(series, orders)],
    }


def counter_label(series: Series) -> str:
    """Name a counter as the reader knows it, as in "conversions to host"."""
    key = series.key
    name = COUNTERS.get(key.benchmark) or _words(key.benchmark)
    others = [value for which, value in key.parameters if which not in ("problem", "direction")]
    direction = key.parameter("direction")
    words = name if direction is None else f"{name} {direction.replace('_', ' ')}"
    return ", ".join((words, *others))


def _words(benchmark: str) -> str:
    name = benchmark.rsplit(".", 1)[-1].removeprefix("track_").removeprefix("time_")
    return re.sub("_(s|ms|us)$", "", name).replace("_", " ")


def _conditions_of(series: Series) -> list[str] | None:
    """Conditions that a counter belongs to; None: all."""
    fit = series.key.parameter("fit")
    if fit is None:
        return None
    return [condition for condition, its_fit in FIT_OF.items() if its_fit == fit]


def _step(found: Move) -> dict[str, Any]:
    judged = found.step.judgement
    apart = apart_words(judged, found.noise)
    return {
        "condition": found.condition,
        "base": found.step.base,
        "commit": found.step.commit,
        "verdict": judged.verdict,
        "change": rounded(None if judged.ratio is None else judged.ratio - 1),
        "suspects": len(found.step.suspects),
        "sentence": " ".join(filter(None, (found.attribution.sentence, apart))),
    }


def problems_by_setup(
    series: Sequence[Series], setups: Sequence[SetupLine]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Problems of each setup whose phases were measured, in the suite's order."""
    found: dict[tuple[str, str], dict[str, None]] = {setup.key: {} for setup in setups}
    for one in series:
        if one.key.benchmark == PHASE_BENCHMARK:
            found[one.key.setup].setdefault(one.key.parameter("problem") or "")
    return {key: tuple(names) for key, names in found.items()}


def write_timelines(
    html: Path,
    series: Sequence[Series],
    setups: Sequence[SetupLine],
    problems: Mapping[tuple[str, str], Sequence[str]],
    moves: Mapping[tuple[str, str], Sequence[Move]],
    failures: Reasons,
) -> None:
    """Write the data file of every problem in every setup.

    Parameters
    ----------
    html : Path
        The site's folder.
    series : sequence of Series
    setups : sequence of SetupLine
    problems : mapping
        Problems of each setup's key, in the order in which they are numbered.
    moves : mapping
        Steps of each setup's key, newest first.
    failures : mapping
        Why something failed, where that is known.
    """
    for s, setup in enumerate(setups):
        own = [one for one in series if one.key.setup == setup.key]
        for p, problem in enumerate(problems[setup.key]):
            data = timeline_data(own, setup, problem, moves[setup.key], failures)
            write_data(html, timeline_name(s, p), data)
