"""Optimistix's Levenberg-Marquardt in a jitted function, as its documentation writes it."""

from collections.abc import Callable
from typing import Any

from jitscope.adapters._shared import extra
from jitscope.adapters.base import Fit, JittedSolver


class Solver(JittedSolver):
    """NumPy in, NumPy out, parameters only: it computes no covariance."""

    name = "optimistix"
    module_name = "optimistix"
    install = extra("optimistix")

    def one_fit(self, model: Callable[..., Any]) -> Fit:
        """Return a fit with SciPy's tolerances."""
        optx = self.module
        method = optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8)

        def fit(x: Any, y: Any, p0: Any) -> tuple[Any, ...]:
            found = optx.least_squares(
                lambda p, _: model(x, *p) - y, method, p0, max_steps=1000, throw=False
            )
            return found.value, found.result == optx.RESULTS.successful

        return fit
