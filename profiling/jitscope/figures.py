"""Medians, ratios of medians, and what they must reach.

Intervals are 99% percentile bootstrap intervals with a fixed seed; fewer than `MIN_SAMPLES` have
none, and no verdict. Where samples were taken in rounds they are resampled by round, so that what
slowed a whole round cancels out of the ratio.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

MIN_SAMPLES = 7
CONFIDENCE = 0.99
RESAMPLES = 9999
SEED = 20251006
_BATCH = 250

Verdict = Literal["met", "missed", "undecided"]
Sense = Literal["<=", ">="]


@dataclass(frozen=True)
class Interval:
    """A median or a ratio of two, the ends of its 99% interval, and the number of samples.

    `lo` and `hi` are None where there are too few samples.
    """

    value: float
    lo: float | None
    hi: float | None
    n: int


@dataclass(frozen=True)
class Limit:
    """What a figure must keep: its own median, or its ratio to the solver `of`."""

    sense: Sense
    bound: float
    of: str | None = None

    def holds(self, median: Interval | None, ratios: Mapping[str, Interval]) -> bool | None:
        """Return whether all of the interval keeps the limit; None: unmeasured, or only part."""
        found = median if self.of is None else ratios.get(self.of)
        if found is None or found.lo is None or found.hi is None:
            return None
        ends = [self._kept(found.lo), self._kept(found.hi)]
        return None if ends[0] != ends[1] else ends[0]

    def __str__(self) -> str:
        """Return the limit in words."""
        sense = "≤" if self.sense == "<=" else "≥"
        return f"{sense} {self.bound:,g}" + ("" if self.of is None else f" times {self.of}")

    def _kept(self, value: float) -> bool:
        return value <= self.bound if self.sense == "<=" else value >= self.bound


@dataclass(frozen=True)
class Target:
    """Limits of one figure of trustfit's: all of them, in any one of the alternatives."""

    subject: str
    problem: str
    alternatives: tuple[tuple[Limit, ...], ...]

    def verdict(self, median: Interval | None, ratios: Mapping[str, Interval]) -> Verdict:
        """Judge a figure."""
        held = [_all(limit.holds(median, ratios) for limit in one) for one in self.alternatives]
        if True in held:
            return "met"
        return "undecided" if None in held else "missed"

    def __str__(self) -> str:
        """Return the target in words."""
        return ", or ".join(" and ".join(map(str, one)) for one in self.alternatives)


def _all(held: Iterable[bool | None]) -> bool | None:
    found = list(held)
    if False in found:
        return False
    return None if None in found else True


def median_of(samples: Sequence[float]) -> Interval | None:
    """Return the median of samples; None of none."""
    if not samples:
        return None
    return _interval((samples,), _median, paired=False)


def ratio_of(samples: Sequence[float], reference: Sequence[float], *, paired: bool) -> Interval:
    """Return the ratio of the medians, `samples` over `reference`.

    Parameters
    ----------
    samples, reference : sequence of float
        Neither empty.
    paired : bool
        Whether those at the same place belong together, as of one round.
    """
    return _interval((samples, reference), _ratio, paired=paired)


def _median(a: NDArray[Any], axis: int = -1) -> Any:
    return np.median(a, axis=axis)


def _ratio(a: NDArray[Any], b: NDArray[Any], axis: int = -1) -> Any:
    return np.median(a, axis=axis) / np.median(b, axis=axis)


def _interval(
    data: tuple[Sequence[float], ...], statistic: Callable[..., Any], *, paired: bool
) -> Interval:
    arrays = tuple(np.asarray(one, float) for one in data)
    value, n = float(statistic(*arrays)), min(len(one) for one in arrays)
    unbounded = partial(Interval, value)
    if n < MIN_SAMPLES:
        return unbounded(None, None, n)
    if all(np.ptp(one) == 0 for one in arrays):
        return unbounded(value, value, n)
    ends = stats.bootstrap(
        arrays,
        statistic,
        vectorized=True,
        paired=paired,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return unbounded(float(ends.low), float(ends.high), n)
