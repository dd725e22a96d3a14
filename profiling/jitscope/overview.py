"""What a maintainer wants to see first: each problem's last figure, and what moved lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jitscope.attribution import UNOBSERVED, Attribution, attribute
from jitscope.failures import Reasons, ReasonsByCommit, distinct, reasons_at
from jitscope.geometric_mean import MeanPoint, geometric_means
from jitscope.history import PHASE_BENCHMARK
from jitscope.noise import Noise, noises_of
from jitscope.series import Point, Series, SeriesKey
from jitscope.steps import Step, steps_of
from jitscope.verdicts import Judgement, judge

NEWEST = 10
"""Regressions and improvements that an overview names."""


@dataclass(frozen=True)
class Row:
    """One problem under one condition: the call that users make, without hooks.

    Attributes
    ----------
    problem, condition : str
    series : Series
    noise : Noise
    last : Point or None
        The last commit with a value; None: there is none.
    previous, first : Point or None
        The one with a value before it, and the first of all; None where there is no other.
    against_previous, against_first : Judgement or None
        Of the last against each; None where there is no other.
    """

    problem: str
    condition: str
    series: Series
    noise: Noise
    last: Point | None
    previous: Point | None
    first: Point | None
    against_previous: Judgement | None
    against_first: Judgement | None


@dataclass(frozen=True)
class Mean:
    """The geometric mean over all problems under one condition."""

    condition: str
    points: tuple[MeanPoint, ...]


@dataclass(frozen=True)
class Move:
    """A step of one problem's time, what moved with it, and the noise of that time."""

    problem: str
    condition: str
    step: Step
    attribution: Attribution
    noise: Noise


@dataclass(frozen=True)
class Failure:
    """What gave no value at one commit.

    Attributes
    ----------
    commit : str
    order : int
    broken : bool
        Whether nothing of the commit's own solver could be measured.
    series : tuple of SeriesKey
        All that failed.
    reason : str
        A sentence.
    said : tuple of str
        What asv's log said of it, where that was kept; text of the commit.
    """

    commit: str
    order: int
    broken: bool
    series: tuple[SeriesKey, ...]
    reason: str
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Overview:
    """One setup at a glance.

    Attributes
    ----------
    setup : tuple of (str, str)
        Machine and environment.
    rows : tuple of Row
    means : tuple of Mean
        One a condition.
    regressions, improvements : tuple of Move
        Newest first, `NEWEST` at most.
    failures : tuple of Failure
        Newest first.
    moves : tuple of Move
        All steps, newest first.
    """

    setup: tuple[str, str]
    rows: tuple[Row, ...]
    means: tuple[Mean, ...]
    regressions: tuple[Move, ...]
    improvements: tuple[Move, ...]
    failures: tuple[Failure, ...]
    moves: tuple[Move, ...]


def overview(
    series: Sequence[Series],
    setup: tuple[str, str],
    noises: Mapping[SeriesKey, Noise] | None = None,
    failures: Reasons | None = None,
) -> Overview:
    """Look at one setup.

    Parameters
    ----------
    series : sequence of Series
        All of a history's.
    setup : tuple of (str, str)
        Machine and environment.
    noises : mapping, optional
        Noise of each series, where it is known already.
    failures : mapping, optional
        Why something failed, where that is known.

    Returns
    -------
    Overview
    """
    own = [one for one in series if one.key.setup == setup]
    headline = [one for one in own if _is_headline(one)]
    noises = noises if noises is not None else noises_of(series)
    rows = tuple(_row(one, noises[one.key]) for one in headline)
    moves = _moves(own, headline, noises)
    return Overview(
        setup,
        rows,
        _means(headline),
        _newest(moves, "regressed"),
        _newest(moves, "improved"),
        tuple(_failures(own, reasons_at(failures or {}, setup))),
        tuple(moves),
    )


def setups_of(series: Iterable[Series]) -> tuple[tuple[str, str], ...]:
    """Return machines and environments, the one with the newest measurement first."""
    newest: dict[tuple[str, str], int] = {}
    for one in series:
        last = one.measured[-1].order if one.measured else -1
        newest[one.key.setup] = max(last, newest.get(one.key.setup, -1))
    return tuple(sorted(newest, key=lambda setup: -newest[setup]))


def _is_headline(series: Series) -> bool:
    return series.key.benchmark == PHASE_BENCHMARK and series.key.parameter("phase") == UNOBSERVED


def _row(series: Series, noise: Noise) -> Row:
    measured = series.measured
    last = measured[-1] if measured else None
    previous, first = (measured[-2], measured[0]) if len(measured) > 1 else (None, None)

    def against(base: Point | None) -> Judgement | None:
        if base is None or last is None:
            return None
        return judge(base, last, noise=noise, counter=series.is_counter)

    return Row(
        *(_parameter(series, "problem"), _parameter(series, "condition"), series, noise),
        *(last, previous, first, against(previous), against(first)),
    )


def _parameter(series: Series, name: str) -> str:
    return series.key.parameter(name) or ""


def _means(headline: Sequence[Series]) -> tuple[Mean, ...]:
    conditions = dict.fromkeys(_parameter(one, "condition") for one in headline)
    return tuple(
        Mean(
            condition,
            geometric_means([one for one in headline if _parameter(one, "condition") == condition]),
        )
        for condition in conditions
    )


def _moves(
    own: Sequence[Series], headline: Sequence[Series], noises: Mapping[SeriesKey, Noise]
) -> list[Move]:
    moves: list[Move] = []
    for one in headline:
        problem, condition = _parameter(one, "problem"), _parameter(one, "condition")
        for step in steps_of(one, noises[one.key]):
            found = attribute(own, problem, condition, step.base, step.commit, noises=noises)
            moves.append(Move(problem, condition, step, found, noises[one.key]))
    order = {point.commit: point.order for one in headline for point in one.points}
    return sorted(moves, key=lambda move: -order[move.step.commit])


def _newest(moves: Sequence[Move], verdict: str) -> tuple[Move, ...]:
    return tuple(one for one in moves if one.step.judgement.verdict == verdict)[:NEWEST]


def _failures(own: Sequence[Series], known: ReasonsByCommit) -> list[Failure]:
    found: dict[int, list[tuple[SeriesKey, Point]]] = {}
    for one in own:
        for point in one.points:
            if point.status in ("failed", "broken"):
                found.setdefault(point.order, []).append((one.key, point))
    return [_failure(found[order], known) for order in sorted(found, reverse=True)]


def _failure(failed: Sequence[tuple[SeriesKey, Point]], known: ReasonsByCommit) -> Failure:
    point = failed[0][1]
    broken = any(one.status == "broken" for _, one in failed)
    keys = tuple(key for key, _ in failed)
    reasons = known.get(point.commit, {})
    whole = reasons.get(None)
    if broken:
        reason = "Nothing of this commit's solver could be measured: it may not build."
        if whole is not None:
            reason = "Nothing of this commit could be measured: it cannot be built or imported."
        elif reasons:
            reason = "Nothing of this commit's solver could be measured: every benchmark failed."
    else:
        reason = f"{len(keys)} series gave no value: an error, a wrong answer or a time limit."
    said = [reasons[key.benchmark] for key in keys if key.benchmark in reasons]
    told = distinct((whole,) if broken and whole is not None else said)
    return Failure(point.commit, point.order, broken, keys, reason, told)
