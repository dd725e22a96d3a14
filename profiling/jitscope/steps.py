"""Find the commits at which a series moved to another level and stayed there.

Candidates come from asv's own step detection, on a scale of ratios, and from neighbours that differ
as two commits may (`jitscope.verdicts`): asv takes a level of one commit for an outlier, but seven
samples of it are evidence. Commits with the same solver differ by the machine's drift alone, and no
step is among them. A candidate is confirmed by pooled samples of the nearest commits of
both levels. It has to exceed the noise of its series, and its p-value to stay below that of two
commits and below 5% over the number of measured commits: a series that never moved shows a step at
any of them in less than 5% of all cases (Bonferroni). What is not confirmed is dropped, the least
likely first, and its neighbours are judged again, as their levels have grown.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from asv import step_detect

from jitscope.noise import Noise
from jitscope.series import Point, Series, SeriesKey
from jitscope.verdicts import MIN_SAMPLES, Judgement, judge

POOLED_COMMITS = 3
"""Commits of each level whose samples confirm a step; more where these have too few samples."""
FAMILY_LEVEL = 0.05
"""Chance of a false step anywhere in a series that never moved."""
_MOVED = ("improved", "regressed")


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
    if series.is_counter:
        levels = _counted(points)
        found = [_counted_step(series, points, *pair, noise) for pair in itertools.pairwise(levels)]
        return tuple(one for one in found if one.judgement.verdict in _MOVED)
    return _confirmed(series, points, _candidates(points, noise), noise)


def _confirmed(
    series: Series, points: Sequence[Point], cuts: Sequence[int], noise: Noise | None
) -> tuple[Step, ...]:
    """Drop the least likely of the cuts until all are steps."""
    level = FAMILY_LEVEL / max(1, len(points))
    left = list(cuts)
    while True:
        levels = [range(a, b) for a, b in itertools.pairwise((0, *left, len(points)))]
        judged = [_judged(points, *pair, noise) for pair in itertools.pairwise(levels)]
        doubtful = [
            place
            for place, one in enumerate(judged)
            if one.verdict not in _MOVED or one.p_value is None or one.p_value >= level
        ]
        if not doubtful:
            return tuple(
                _step(series, points[cut - 1], points[cut], one)
                for cut, one in zip(left, judged, strict=True)
            )
        del left[max(doubtful, key=lambda place: _doubt(judged[place]))]


def _doubt(judged: Judgement) -> tuple[float, float]:
    """Order judgements by how little they show."""
    p_value = 1.0 if judged.p_value is None else judged.p_value
    return p_value, -(judged.magnitude or 0.0)


def _counted(points: Sequence[Point]) -> list[range]:
    """Runs of equal counts."""
    starts = [i for i, one in enumerate(points) if i == 0 or one.value != points[i - 1].value]
    return [range(a, b) for a, b in itertools.pairwise((*starts, len(points)))]


def _candidates(points: Sequence[Point], noise: Noise | None) -> list[int]:
    """Places of commits that may begin another level."""
    if len(points) < 2:
        return []
    values = [point.value or 0.0 for point in points]
    weights = [_weight(point) for point in points]
    if min(values) > 0:
        # Ratios are what counts: beside one slow level all steps between fast ones look small.
        values = [math.log(value) for value in values]
    found = {left for left, *_ in step_detect.detect_steps(values, weights)}
    found |= set(_apart(points, noise))
    return sorted(place for place in found if place and _may_differ(*points[place - 1 : place + 1]))


def _may_differ(before: Point, after: Point) -> bool:
    """Whether two commits can differ by what they are: the same solver drifts with its machine."""
    return after.solver is None or before.solver != after.solver


def _apart(points: Sequence[Point], noise: Noise | None) -> Iterator[int]:
    """Places of commits that differ from the one before them."""
    for place, (before, after) in enumerate(itertools.pairwise(points), start=1):
        least = 1 + (noise.least(before, after) if noise is not None else 0.0)
        # Testing is what takes the time.
        far = before.value and after.value and not 1 / least <= after.value / before.value <= least
        if far and judge(before, after, noise=noise, counter=False).verdict in _MOVED:
            yield place


def _weight(point: Point) -> float | None:
    """As asv weighs, by the width of the interval, here in ratios."""
    if point.lo is None or point.hi is None or point.hi <= point.lo or not point.value:
        return None
    return 2 * abs(point.value) / (point.hi - point.lo)


def _judged(points: Sequence[Point], old: range, new: range, noise: Noise | None) -> Judgement:
    before = _pooled([points[place] for place in reversed(old)])
    after = _pooled([points[place] for place in new])
    return judge(before, after, noise=noise, counter=False)


def _counted_step(
    series: Series, points: Sequence[Point], old: range, new: range, noise: Noise | None
) -> Step:
    base, commit = points[old[-1]], points[new[0]]
    return _step(series, base, commit, judge(base, commit, noise=noise, counter=True))


def _step(series: Series, base: Point, commit: Point, judged: Judgement) -> Step:
    suspects = _suspects(series.points[base.order : commit.order + 1])
    return Step(series.key, base.commit, commit.commit, judged.ratio, judged, suspects)


def _pooled(nearest_first: Sequence[Point]) -> Point:
    """The samples of a level's nearest commits as if they were one's."""
    nearest = nearest_first[0]
    samples: list[float] = []
    for pooled, point in enumerate(nearest_first):
        if pooled >= POOLED_COMMITS and len(samples) >= MIN_SAMPLES:
            break
        if point.versions == nearest.versions:
            samples += point.finite
    return _with_samples(nearest, tuple(samples)) if samples else nearest


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
