"""JAXopt's Levenberg-Marquardt in a jitted function, which its documentation advises."""

import warnings
from collections.abc import Callable
from typing import Any

from jitscope.adapters._shared import extra
from jitscope.adapters.base import Fit, JittedSolver

_MAX_ITERATIONS = 1000


class Solver(JittedSolver):
    """NumPy in, NumPy out, parameters only: it computes no covariance.

    Its last release is 0.8.5, and importing it warns that nobody maintains it.
    """

    name = "jaxopt"
    module_name = "jaxopt"
    install = extra("jaxopt")

    def import_solver(self) -> None:
        """Import JAXopt, whose warning says nothing about the measured program."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "JAXopt is no longer maintained", DeprecationWarning)
            super().import_solver()

    def solver_file(self) -> str:
        """Return the file of the package."""
        self.import_solver()
        return super().solver_file()

    def one_fit(self, model: Callable[..., Any]) -> Fit:
        """Return a fit with SciPy's tolerances; by default it stops at a gradient of 1e-3."""
        method = self.module.LevenbergMarquardt(
            residual_fun=lambda p, x, y: model(x, *p) - y,
            maxiter=_MAX_ITERATIONS,
            stop_criterion="madsen-nielsen",
            xtol=1e-8,
            gtol=1e-8,
        )

        def fit(x: Any, y: Any, p0: Any) -> tuple[Any, ...]:
            params, state = method.run(p0, x, y)
            return params, state.iter_num < _MAX_ITERATIONS

        return fit
