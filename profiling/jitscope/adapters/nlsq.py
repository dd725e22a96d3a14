"""NLSQ's `CurveFit.curve_fit`: one object for every fit, which is its own way to reuse programs."""

import logging
import sys
from types import ModuleType
from typing import Any

from jitscope.adapters import TrSolver
from jitscope.adapters._curve_fit import CurveFitSolver
from jitscope.adapters._shared import Opaque, extra
from jitscope.errors import UserError
from jitscope.problems import Problem


class Solver(CurveFitSolver):
    """The user's own call, always the plain one, with a model in jax.numpy.

    Importing NLSQ switches JAX to float64 in the whole process. What it logs of each iteration
    stays with its own handlers: those of the root logger would print it.
    """

    name = "nlsq"
    module_name = "nlsq"
    install = extra("nlsq")

    def __init__(self) -> None:
        """Import nothing yet."""
        super().__init__()
        self._fitter: Any = None

    def array_module(self) -> ModuleType:
        """Return ``jax.numpy``."""
        import jax.numpy as jnp

        return jnp

    def import_solver(self) -> None:
        """Import NLSQ, and make the object whose programs all fits share."""
        try:
            super().import_solver()
        except UserError as error:
            if sys.version_info >= (3, 12):
                raise
            raise UserError(f"{str(error)[:-1]} with Python 3.12 or later.") from error
        if self._fitter is None:
            logging.getLogger("nlsq").propagate = False
            self._fitter = self._module.CurveFit()
        self._module = self._fitter

    def prepare(
        self,
        problem: Problem,
        *,
        tr_solver: TrSolver = "exact",
        new_function: bool = False,
        stepped: bool = False,
        plain: bool = True,
    ) -> None:
        """Build the call."""
        if tr_solver != "exact":
            raise UserError("nlsq chooses its own `tr_solver`; measure it with 'exact'.")
        super().prepare(problem, new_function=new_function, stepped=stepped, plain=True)

    def wait(self, output: Any) -> tuple[Any, ...]:
        """Return parameters and covariance: NumPy arrays, which are ready."""
        params, covariance = output
        return params, covariance

    def evaluations(self) -> tuple[int, int]:
        """Refuse: they are not told."""
        return Opaque.evaluations(self)
