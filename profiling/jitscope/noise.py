"""How far a series moves where nothing changed: the least magnitude that counts as a change.

There are two thresholds. Commits of one *session* of measuring were measured in rounds, a run of
each and then the next of each: a drift of the machine meets all alike. Those that hold the same
solver, byte for byte, are repeated measurements of one thing. Where a series has enough of them, in
its own setup or in others of the same machine, its threshold is that of rustc-perf: the third
quartile and three interquartile ranges of the relative changes from one to the next. Where it has
not, it is twice the standard error of a difference of two medians, from the samples within commits.

Commits of different sessions lie further apart, by whatever became of the machine in between. Their
standard error, doubled, is 2 sqrt(2 e**2 + d**2) in logarithms: e is the error of a median, d**2
the variance that repeated runs of one thing at different times have beyond it, the larger of two
estimates. The runs of a commit lie apart in time: its later half against its earlier one, pooled
over commits, by an analysis of variance. And one solver measured in two sessions shows the whole of
it, in the same series or else, as a slow machine is slow for all, in those of the same benchmark
(DerSimonian and Laird's estimate). `Noise.sessions` counts the latter: where it is 0, d may be too
small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from jitscope.series import Point, Series, SeriesKey

FLOOR = 0.01
"""No smaller relative change of a time is called one."""
ENOUGH_REPEATS = 4
"""Relative changes that quartiles need."""
ENOUGH_RUNS = 6
"""Runs of a commit whose earlier and later half are compared: three of each."""
ROUNDING_DIGITS = 1.0
"""Digits that another order of operations may cost or gain: the last one."""
_NEWEST = 50
_STANDARD_ERRORS = 2.0

Source = Literal["repeats", "samples", "exact", "unknown"]


@dataclass(frozen=True)
class Noise:
    """What a series shows where nothing changed.

    Attributes
    ----------
    threshold : float
        Least relative change that counts between commits of one session.
    source : str
        "repeats": from commits with the same solver; "samples": from the spread of samples within
        commits, as too few commits repeat; "exact": a counter, which has none; "unknown": no
        commit has enough samples, so `FLOOR` stands in.
    n : int
        How many relative changes, or commits, it was made of.
    absolute : float
        Least difference that counts, in the series' unit; 0 unless rounding moves the figure.
    between : float or None
        Least relative change that counts between commits of different sessions, never below
        `threshold`; None: the same.
    sessions : int
        Measurements of one solver in two sessions that `between` was made of; with 0 it knows
        only how far the runs of a commit lie apart.
    """

    threshold: float
    source: Source
    n: int
    absolute: float = 0.0
    between: float | None = None
    sessions: int = 0

    def least(self, base: Point, head: Point) -> float:
        """Return the least relative change that counts between two commits."""
        if self.between is not None and base.is_apart_from(head):
            return self.between
        return self.threshold


@dataclass(frozen=True)
class _Repeat:
    """One solver measured twice: the difference of its medians, in logarithms.

    `error` is the variance of that difference which the samples let expect; None of too few.
    """

    difference: float
    error: float | None
    apart: bool


Repeats = Mapping[SeriesKey, Sequence[_Repeat]]


def noise_of(series: Series) -> Noise:
    """Return the noise of one series by itself; see the module's docstring."""
    return noises_of((series,))[series.key]


def noises_of(series: Iterable[Series]) -> dict[SeriesKey, Noise]:
    """Return the noise of each series, with repeats lent by those of the same benchmark.

    Parameters
    ----------
    series : iterable of Series
    """
    every = tuple(series)
    repeats = {one.key: list(_repeats(one.measured)) for one in every if not one.is_counter}
    kinds: dict[tuple[str, str], dict[SeriesKey, list[_Repeat]]] = {}
    for key, found in repeats.items():
        if found:
            kinds.setdefault(_kind(key), {})[key] = found
    return {
        one.key: _exact(one)
        if one.is_counter
        else _noise(one, repeats[one.key], kinds.get(_kind(one.key), {}))
        for one in every
    }


def _kind(key: SeriesKey) -> tuple[str, str]:
    return key.machine, key.benchmark


def _exact(series: Series) -> Noise:
    return Noise(0.0, "exact", 0, ROUNDING_DIGITS if "digits" in series.unit else 0.0)


def _noise(series: Series, own: Sequence[_Repeat], kind: Repeats) -> Noise:
    errors = [
        error
        for point in series.measured[-_NEWEST:]
        if (error := _relative_error(np.array(point.finite))) is not None
    ]
    found = _within(series.key, own, kind, errors)
    apart = [one for one in own if one.apart]
    if len(apart) < ENOUGH_REPEATS:
        apart = [one for repeats in kind.values() for one in repeats if one.apart]
    # Two medians are compared, each with an error of its own.
    error = 2 * float(np.median(errors)) ** 2 if errors else 0.0
    drift = max(_drift_of_runs(series.measured), _excess(apart))
    between = float(np.expm1(_STANDARD_ERRORS * np.sqrt(error + drift)))
    return replace(found, between=max(found.threshold, between), sessions=len(apart))


def _within(
    key: SeriesKey, own: Sequence[_Repeat], kind: Repeats, errors: Sequence[float]
) -> Noise:
    """The threshold within a session."""
    repeats = [one for one in own if not one.apart]
    if len(repeats) < ENOUGH_REPEATS:
        # The same figure with other versions of JAX or Python varies alike.
        same = (found for other, found in kind.items() if other.parameters == key.parameters)
        repeats = [one for found in same for one in found if not one.apart]
    if len(repeats) >= ENOUGH_REPEATS:
        changes = np.expm1([abs(one.difference) for one in repeats])
        low, high = np.quantile(changes, (0.25, 0.75))
        return Noise(max(FLOOR, float(high + 3 * (high - low))), "repeats", len(repeats))
    if not errors:
        return Noise(FLOOR, "unknown", 0)
    spread = _STANDARD_ERRORS * np.sqrt(2) * float(np.median(errors))
    return Noise(max(FLOOR, float(spread)), "samples", len(errors))


def _repeats(points: Iterable[Point]) -> Iterator[_Repeat]:
    """Each commit against the last one before it that holds the same solver."""
    last: dict[tuple[object, ...], Point] = {}
    for point in points:
        if point.solver is None or not point.value:
            continue
        what = (point.solver, *sorted(point.versions.items()))
        before = last.get(what)
        last[what] = point
        if before is not None and before.value and point.value / before.value > 0:
            errors = [_relative_error(np.array(one.finite)) for one in (before, point)]
            known = [error**2 for error in errors if error is not None]
            yield _Repeat(
                float(np.log(point.value / before.value)),
                sum(known) if len(known) == len(errors) else None,
                before.is_apart_from(point),
            )


def _excess(repeats: Iterable[_Repeat]) -> float:
    """Variance of differences beyond what their samples let expect."""
    known = [(one.difference, max(one.error, FLOOR**2)) for one in repeats if one.error is not None]
    if not known:
        return 0.0
    differences, errors = np.array(known).T
    surplus = float(np.sum(differences**2 / errors)) - len(errors)
    return max(0.0, surplus / float(np.sum(1 / errors)))


def _drift_of_runs(points: Sequence[Point]) -> float:
    """The same for a commit's later runs against its earlier ones, pooled over commits.

    With halves as groups of an analysis of variance this is twice the variance between groups.
    """
    squares: list[float] = []
    expected: list[float] = []
    within, freedom = 0.0, 0
    for point in points[-_NEWEST:]:
        samples = np.array(point.finite)
        if len(samples) < ENOUGH_RUNS or samples.min() <= 0:
            continue
        halves = np.array_split(np.log(samples), 2)
        squares.append(float(halves[1].mean() - halves[0].mean()) ** 2)
        expected.append(sum(1 / len(half) for half in halves))
        within += sum(float(((half - half.mean()) ** 2).sum()) for half in halves)
        freedom += len(samples) - 2
    if not squares:
        return 0.0
    return max(0.0, float(np.mean(squares)) - within / freedom * float(np.mean(expected)))


def _relative_error(samples: NDArray[np.float64]) -> float | None:
    """Standard error of the median over the median; None of too few samples, or at 0."""
    if len(samples) < 2 or np.median(samples) <= 0:
        return None
    return median_error(samples) / float(np.median(samples))


def median_error(samples: NDArray[np.float64]) -> float:
    """Return the standard error of the median by the bootstrap.

    No resampling is needed: the chance that a resample's median is the k-th of the sorted samples
    is known (Maritz and Jarrett 1978).
    """
    n = len(samples)
    half = (n + 1) / 2
    weights = np.diff(stats.beta.cdf(np.arange(n + 1) / n, half, half))
    ordered = np.sort(samples)
    first, second = weights @ ordered, weights @ ordered**2
    return float(np.sqrt(max(0.0, second - first**2)))
