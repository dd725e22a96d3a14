"""From the history's table to series: one benchmark with one choice of parameters over all commits.

A series belongs to one setup, that is, one machine with one environment. It has one point for
every commit of the line, the unmeasured ones too, so that position is revision, and what a step
may belong to can be read off between two points.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, NamedTuple

from jitscope.history import History

Row = Mapping[str, Any]
Setup = tuple[str, str]
"""Machine and environment."""
PointStatus = Literal["ok", "failed", "broken", "skipped", "missing"]

COUNTED_UNITS = frozenset(
    (
        *("modules", "instructions", "equations", "conversions", "evaluations", "iterations"),
        *("digits lost", "digits", "compiles", "kernels", "traces"),
    )
)
"""Units of figures that do not depend on the machine's load."""

SESSION_GAP_H = 1.0
"""A pause of so many hours parts two sessions of measuring.

Commits of one session are measured in rounds, so that a drift of the machine meets all of them
alike; between sessions it does not.
"""
_FIGURES = ("status", "value", "lo", "hi", "n", "samples", "versions")
_LONGEST_SLUG = 60


class Point(NamedTuple):
    """What one commit brought in one series.

    Attributes
    ----------
    commit : str
        Full hash.
    order : int
        Place on the first-parent line; 0 is the oldest commit, and a point's place in its series.
    status : str
        As `History.results` has it, or "missing": not measured.
    value : float or None
        Median in the series' unit; None unless `status` is "ok".
    lo, hi : float or None
        asv's 99% interval of it; None where there are too few samples.
    n : int
        Number of finite samples; 1 for a figure that was recorded without samples, such as a
        counter.
    samples : tuple of float
        As recorded, in the order of measurement; NaN where a sample has no value.
    versions : mapping of str to str
        Requirement -> version; empty where nothing was measured.
    machine : str or None
        Its name; None where nothing was measured.
    solver : str or None
        git's name of the solver's tree: equal names are the same solver, byte for byte.
    session : int or None
        Which of its setup's sessions of measuring it was last measured in, the first being 0;
        None: unknown. See `SESSION_GAP_H`.
    """

    commit: str
    order: int
    status: PointStatus
    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    n: int = 0
    samples: tuple[float, ...] = ()
    versions: Mapping[str, str] = {}
    machine: str | None = None
    solver: str | None = None
    session: int | None = None

    def is_apart_from(self, other: Point) -> bool:
        """Tell whether the two are known to be of different sessions."""
        known = self.session is not None and other.session is not None
        return known and self.session != other.session

    @property
    def finite(self) -> tuple[float, ...]:
        """The samples that have a value."""
        return tuple(one for one in self.samples if math.isfinite(one))


class SeriesKey(NamedTuple):
    """What tells a series from all others.

    Attributes
    ----------
    machine, environment : str
    benchmark : str
        asv's name of it.
    parameters : tuple of (str, str)
        Name and value of each, in the suite's order.
    """

    machine: str
    environment: str
    benchmark: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def setup(self) -> tuple[str, str]:
        """Machine and environment."""
        return self.machine, self.environment

    @property
    def label(self) -> str:
        """Name for the reader, as in "track_phase_s: linear_100, cold, compile"."""
        name = self.benchmark.rsplit(".", 1)[-1]
        values = ", ".join(value for _, value in self.parameters)
        return f"{name}: {values}" if values else name

    @property
    def id(self) -> str:
        """Name for URLs and files: ASCII letters, digits and hyphens, the same in every run."""
        text = "\x1f".join((*self[:3], *(part for pair in self.parameters for part in pair)))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        slug = re.sub(r"[^a-z0-9]+", "-", self.label.lower()).strip("-")[:_LONGEST_SLUG]
        return f"{slug.strip('-')}-{digest}".lstrip("-")

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter; None where the benchmark has no such parameter."""
        return dict(self.parameters).get(name)


@dataclass(frozen=True)
class Series:
    """One benchmark with one choice of parameters in one setup.

    Attributes
    ----------
    key : SeriesKey
    unit : str
        The benchmark's own; "" where the suite states none.
    points : tuple of Point
        One for each commit of the line, oldest first.
    """

    key: SeriesKey
    unit: str
    points: tuple[Point, ...]

    @cached_property
    def measured(self) -> tuple[Point, ...]:
        """The points that have a value."""
        return tuple(point for point in self.points if point.status == "ok")

    @cached_property
    def _by_commit(self) -> dict[str, Point]:
        return {point.commit: point for point in self.points}

    def at(self, commit: str) -> Point | None:
        """Return the point of a commit; None where the line does not hold it."""
        return self._by_commit.get(commit)

    @property
    def is_counter(self) -> bool:
        """Whether the figure does not depend on the machine's load."""
        return is_counter(self.key.benchmark, self.unit)


def is_counter(benchmark: str, unit: str) -> bool:
    """Tell deterministic figures from times, memory and what is made of them.

    Parameters
    ----------
    benchmark : str
        asv's name of it.
    unit : str
        Its unit.

    Notes
    -----
    Temporary bytes are what XLA states of a compiled program, and as exact as its instructions;
    other bytes are measured.
    """
    return unit in COUNTED_UNITS or (unit == "bytes" and "temporary" in benchmark.lower())


def series_of(history: History) -> tuple[Series, ...]:
    """Cut a history into its series.

    Returns
    -------
    tuple of Series
        In the order in which they first appear. A series that has no value anywhere, and was
        skipped where it did not fail, is left out: it does not apply.
    """
    commits = _commits(history)
    places = {point.commit: point for point in commits}
    sessions = sessions_of(history)
    grouped: dict[SeriesKey, dict[int, Point]] = {}
    for benchmark, rows in _rows_by_benchmark(history).items():
        names = history.suite[benchmark].parameters
        for key, point in _points(benchmark, names, rows, places, sessions):
            grouped.setdefault(key, {})[point.order] = point
    return tuple(
        Series(
            key,
            history.suite[key.benchmark].unit,
            tuple(found.get(point.order, point) for point in commits),
        )
        for key, found in grouped.items()
        if _applies(found.values())
    )


def _applies(points: Iterable[Point]) -> bool:
    states = {point.status for point in points}
    return "ok" in states or "skipped" not in states


def _commits(history: History) -> tuple[Point, ...]:
    """Every commit as a point that was not measured."""
    columns = (history.commits[name].tolist() for name in ("commit", "order", "solver"))
    return tuple(
        Point(commit, order, "missing", solver=solver)
        for commit, order, solver in zip(*columns, strict=True)
    )


def sessions_of(history: History) -> dict[Setup, dict[str, int]]:
    """Return the session of each time at which something was measured, for each setup.

    Parameters
    ----------
    history : History
    """
    columns = (history.results[name].tolist() for name in ("machine", "environment", "measured_at"))
    times: dict[Setup, set[str]] = {}
    for machine, environment, measured_at in zip(*columns, strict=True):
        if measured_at is not None:
            times.setdefault((machine, environment), set()).add(measured_at)
    return {setup: _sessions(sorted(found)) for setup, found in times.items()}


def _sessions(times: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    gap, session = timedelta(hours=SESSION_GAP_H), 0
    parsed = [datetime.fromisoformat(one) for one in times]
    for place, (text, time) in enumerate(zip(times, parsed, strict=True)):
        session += place > 0 and time - parsed[place - 1] > gap
        found[text] = session
    return found


def _rows_by_benchmark(history: History) -> dict[str, list[Row]]:
    columns = {str(name): history.results[name].tolist() for name in history.results.columns}
    found: dict[str, list[Row]] = {}
    for cells in zip(*columns.values(), strict=True):
        row = dict(zip(columns, cells, strict=True))
        found.setdefault(row["benchmark"], []).append(row)
    return found


def _points(
    benchmark: str,
    names: Sequence[str],
    rows: Iterable[Row],
    places: Mapping[str, Point],
    sessions: Mapping[Setup, Mapping[str, int]],
) -> Iterator[tuple[SeriesKey, Point]]:
    for row in rows:
        known = sessions.get((row["machine"], row["environment"]), {})
        session = known.get(row["measured_at"] or "")
        given = tuple((name, str(row[name])) for name in names)
        place = places[row["commit"]]
        figures = {name: row[name] for name in _FIGURES}
        yield (
            SeriesKey(row["machine"], row["environment"], benchmark, given),
            place._replace(machine=row["machine"], session=session, **figures),
        )
