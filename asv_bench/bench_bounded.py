"""A warm fit with a bound that is active at the solution."""

from .common import BOUNDED, TimedFits, prepared


class Bounded(TimedFits):
    """`curve_fit` with bounds."""

    params = (BOUNDED,)
    param_names = ("problem",)

    def setup(self, problem: str) -> None:
        self.adapter = prepared(problem)

    def time_curve_fit(self, problem: str) -> None:
        self.adapter.run()
