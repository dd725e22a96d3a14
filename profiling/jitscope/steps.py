"""Find the commits at which a series moved to another level and stayed there.

asv's own step detection finds where the level may have changed. A candidate is confirmed by the
samples on both sides of it: those of the nearest commits of each level are pooled, and judged as
two commits are (`jitscope.verdicts`), so that a step is both significant and larger than the noise
of its series.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from asv import step_detect

from jitscope.noise import Noise
from jitscope.series import Point, Series, SeriesKey
from jitscope.verdicts import Judgement, judge

POOLED_COMMITS = 3
"""Commits of each level, at most, whose samples confirm a step."""


@dataclass(frozen=True)
class Step:
    """A commit at which a series moved.

    Attributes
    ----------
    key : SeriesKey
    base, commit : str
        Full hashes: the last measured commit of the old level, the first of the new one.
    ratio : float or None
        New level over old one; None where the old one is 0.
    judgement : Judgement
        Of the pooled samples, or of the two counts.
    suspects : tuple of str
        Commits between the two that were not measured or failed, oldest first: the step may be
        any one's of them. Commits that left the solver as it was are not among them.
    """

    key: SeriesKey
    base: str
    commit: str
    ratio: float | None
    judgement: Judgement
    suspects: tuple[str, ...]


def steps_of(series: Series, noise: Noise | None) -> tuple[Step, ...]:
    """Find the steps of one series.

    Parameters
    ----------
    series : Series
    noise : Noise or None
        Of this series.

    Returns
    -------
    tuple of Step
        Oldest first; only what improved or regressed.
    """
    points = series.measured
    levels = _counted(points) if series.is_counter else _levels(points)
    found = (_step(series, points, old, new, noise) for old, new in itertools.pairwise(levels))
    return tuple(one for one in found if one.judgement.verdict in ("improved", "regressed"))


def _counted(points: Sequence[Point]) -> list[range]:
    """Runs of equal counts."""
    starts = [i for i, one in enumerate(points) if i == 0 or one.value != points[i - 1].value]
    return [range(a, b) for a, b in itertools.pairwise((*starts, len(points)))]


def _levels(points: Sequence[Point]) -> list[range]:
    if len(points) < 2:
        return []
    values = [point.value for point in points]
    found = step_detect.detect_steps(values, [_weight(point) for point in points])
    return [range(left, right) for left, right, *_ in found]


def _weight(point: Point) -> float | None:
    """As asv weighs: by the width of the interval."""
    if point.lo is None or point.hi is None or point.hi <= point.lo:
        return None
    return 2 / (point.hi - point.lo)


def _step(
    series: Series, points: Sequence[Point], old: range, new: range, noise: Noise | None
) -> Step:
    base, commit = points[old[-1]], points[new[0]]
    if not series.is_counter:
        judged = judge(
            _pooled([points[i] for i in old[-POOLED_COMMITS:]], base),
            _pooled([points[i] for i in new[:POOLED_COMMITS]], commit),
            noise=noise,
            counter=False,
        )
    else:
        judged = judge(base, commit, noise=noise, counter=True)
    suspects = _suspects(series.points[base.order : commit.order + 1])
    return Step(series.key, base.commit, commit.commit, judged.ratio, judged, suspects)


def _pooled(points: Sequence[Point], nearest: Point) -> Point:
    """The samples of some commits as if they were one's."""
    alike = [one for one in points if one.versions == nearest.versions]
    samples = tuple(sample for one in alike for sample in one.finite)
    if not samples:
        return nearest
    return _with_samples(nearest, samples)


def _with_samples(point: Point, samples: tuple[float, ...]) -> Point:
    """Return the point with other samples, and their median."""
    return point._replace(
        value=float(np.median(samples)), n=len(samples), samples=samples, lo=None, hi=None
    )


def _suspects(between: Sequence[Point]) -> tuple[str, ...]:
    return tuple(
        point.commit
        for before, point in itertools.pairwise(between[:-1])
        if point.solver is None or point.solver != before.solver
    )
