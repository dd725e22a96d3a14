"""One model at growing length, so that like is compared with like."""

import statistics
from typing import Any

from jitscope.growth import LENGTHS

from .common import (
    SCALING,
    Cache,
    MeasuredLengths,
    TimedFits,
    look_up,
    prepared,
    sampled,
)


class Scaling(TimedFits):
    """A warm fit of the same Gaussian to 100 to 1,000,000 points."""

    params = (SCALING,)
    param_names = ("problem",)

    def setup(self, problem: str) -> None:
        self.adapter = prepared(problem)

    def time_curve_fit(self, problem: str) -> None:
        self.adapter.run()


class PerPoint(MeasuredLengths):
    """Time of a warm plain call a point, over that at 10,000 points: 1 where it grows linearly."""

    params = (LENGTHS[1:],)
    param_names = ("problem",)
    unit = "times"

    def track_growth(self, cache: Cache, problem: str) -> dict[str, Any]:
        base, long = (_ns_a_point(look_up(cache, name)) for name in (LENGTHS[0], problem))
        return sampled([long / base])


def _ns_a_point(growth: Cache) -> float:
    return statistics.median(growth["calls_ns"]) / growth["points"]
