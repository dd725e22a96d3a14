"""A warm fit with each way to solve the trust-region subproblem."""

from jitscope.adapters import TrSolver

from .common import TimedFits, prepared


class Algorithms(TimedFits):
    """`curve_fit` with ``tr_solver``."""

    params = (("gaussian_10000",), ("exact", "lsmr"))
    param_names = ("problem", "tr_solver")

    def setup(self, problem: str, tr_solver: TrSolver) -> None:
        self.adapter = prepared(problem, tr_solver=tr_solver)

    def time_curve_fit(self, problem: str, tr_solver: TrSolver) -> None:
        self.adapter.run()
