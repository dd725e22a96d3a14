"""How far a series moves where nothing changed: the least magnitude that counts as a change.

Commits that hold the same solver, byte for byte, are repeated measurements of one thing. Where a
series has enough of them, its threshold is that of rustc-perf: the third quartile and three
interquartile ranges of the relative changes between neighbours. Where it has not, the threshold is
worked out from the samples within the commits, which know nothing of what differs from one
measurement of a commit to the next; `Noise.source` says which it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from jitscope.series import Point, Series, SeriesKey

FLOOR = 0.01
"""No smaller relative change of a time is called one."""
ENOUGH_REPEATS = 4
"""Relative changes that quartiles need."""
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
        Least relative change that counts.
    source : str
        "repeats": from commits with the same solver; "samples": from the spread of samples within
        commits, as too few commits repeat; "exact": a counter, which has none; "unknown": no
        commit has enough samples, so `FLOOR` stands in.
    n : int
        How many relative changes, or commits, it was made of.
    absolute : float
        Least difference that counts, in the series' unit; 0 unless rounding moves the figure.
    """

    threshold: float
    source: Source
    n: int
    absolute: float = 0.0


def noise_of(series: Series) -> Noise:
    """Return the noise of one series; see the module's docstring."""
    if series.is_counter:
        return Noise(0.0, "exact", 0, ROUNDING_DIGITS if "digits" in series.unit else 0.0)
    changes = np.array(list(_repeated(series.measured)))
    if len(changes) >= ENOUGH_REPEATS:
        low, high = np.quantile(changes, (0.25, 0.75))
        return Noise(max(FLOOR, float(high + 3 * (high - low))), "repeats", len(changes))
    errors = [
        error
        for point in series.measured[-_NEWEST:]
        if (error := _relative_error(np.array(point.finite))) is not None
    ]
    if not errors:
        return Noise(FLOOR, "unknown", 0)
    # Two medians are compared, each with an error of its own.
    spread = _STANDARD_ERRORS * np.sqrt(2) * float(np.median(errors))
    return Noise(max(FLOOR, float(spread)), "samples", len(errors))


def noises_of(series: Iterable[Series]) -> dict[SeriesKey, Noise]:
    """Return the noise of each series.

    Parameters
    ----------
    series : iterable of Series
    """
    return {one.key: noise_of(one) for one in series}


def _repeated(points: tuple[Point, ...]) -> Iterator[float]:
    """Relative changes between neighbours that hold the same solver."""
    for before, after in itertools.pairwise(points):
        same = before.solver is not None and before.solver == after.solver
        if same and before.versions == after.versions and before.value and after.value:
            ratio = after.value / before.value
            yield max(ratio, 1 / ratio) - 1


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
