"""The geometric mean of a figure over all problems, commit by commit.

Each problem counts as the ratio of its median to that at the first commit that has them all, so
that a long fit counts no more than a short one. A commit that lacks a problem has no mean: one of
the others alone would move when nothing did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jitscope.series import Point, Series
from jitscope.verdicts import MIN_SAMPLES

CONFIDENCE = 0.99
RESAMPLES = 999
SEED = 20251006


@dataclass(frozen=True)
class MeanPoint:
    """The geometric mean of the ratios at one commit.

    Attributes
    ----------
    commit : str
    order : int
    value : float or None
        1 at the reference; below 1 is faster. None where a problem is missing.
    lo, hi : float or None
        99% interval by the bootstrap over each problem's samples, here and at the reference; None
        where a problem has too few samples.
    missing : tuple of str
        Series without a value here, by their labels.
    """

    commit: str
    order: int
    value: float | None
    lo: float | None
    hi: float | None
    missing: tuple[str, ...]


def geometric_means(series: Sequence[Series]) -> tuple[MeanPoint, ...]:
    """Return the mean at each commit at which any of the series was measured.

    Parameters
    ----------
    series : sequence of Series
        One for each problem, of one setup and one quantity.

    Returns
    -------
    tuple of MeanPoint
        Oldest first; no value anywhere if no commit has all of the series.
    """
    rows = [row for row in zip(*(one.points for one in series), strict=True) if _measured(row)]
    reference = next((row for row in rows if all(point.value for point in row)), None)
    based = None if reference is None else _resampled_logs(reference)
    labels = [one.key.label for one in series]
    return tuple(_mean(row, reference, based, labels) for row in rows)


def _measured(row: Sequence[Point]) -> bool:
    return any(point.status not in ("missing", "skipped") for point in row)


def _mean(
    row: Sequence[Point],
    reference: Sequence[Point] | None,
    based: NDArray[np.float64] | None,
    labels: Sequence[str],
) -> MeanPoint:
    missing = tuple(label for point, label in zip(row, labels, strict=True) if not point.value)
    place = row[0].commit, row[0].order
    if missing or reference is None:
        return MeanPoint(*place, None, None, None, missing)
    logs = [np.log(a.value / b.value) for a, b in zip(row, reference, strict=True)]  # pyright: ignore
    value = float(np.exp(np.mean(logs)))
    if row is reference:
        return MeanPoint(*place, value, value, value, ())
    here = _resampled_logs(row)
    if here is None or based is None:
        return MeanPoint(*place, value, None, None, ())
    tail = (1 - CONFIDENCE) / 2
    lo, hi = np.exp(np.quantile(here - based, (tail, 1 - tail)))
    return MeanPoint(*place, value, float(lo), float(hi), ())


def _resampled_logs(row: Sequence[Point]) -> NDArray[np.float64] | None:
    """Mean over problems of the logarithm of resampled medians; None of too few samples."""
    logs: list[NDArray[np.float64]] = []
    for place, point in enumerate(row):
        ordered = np.sort(np.asarray(point.finite))
        if len(ordered) < MIN_SAMPLES or ordered[0] <= 0:
            return None
        # Each point is resampled on its own, by a seed of its own.
        lower, upper = _median_places(len(ordered), (point.order, place))
        logs.append(np.log((ordered[lower] + ordered[upper]) / 2))
    return np.mean(logs, axis=0)


def _median_places(n: int, of: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places, among the sorted samples, of the two in the middle of each resample."""
    rng = np.random.default_rng((SEED, *of))
    drawn = np.sort(rng.integers(0, n, (RESAMPLES, n)), axis=1)
    return drawn[:, (n - 1) // 2], drawn[:, n // 2]
