"""One model at growing length, so that like is compared with like."""

from .common import SCALING, TimedFits, prepared


class Scaling(TimedFits):
    """A warm fit of the same Gaussian to 100 to 1,000,000 points."""

    params = (SCALING,)
    param_names = ("problem",)

    def setup(self, problem: str) -> None:
        self.adapter = prepared(problem)

    def time_curve_fit(self, problem: str) -> None:
        self.adapter.run()
