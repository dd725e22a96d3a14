"""A warm fit, as users call it, against SciPy's."""

from .common import SEED, TimedFits, prepared


class Solve(TimedFits):
    """`curve_fit` on NumPy data, called before in the same process."""

    params = (SEED, ("trustfit", "scipy"))
    param_names = ("problem", "solver")

    def setup(self, problem: str, solver: str) -> None:
        self.adapter = prepared(problem, solver)

    def time_curve_fit(self, problem: str, solver: str) -> None:
        self.adapter.run()
