"""lmfit's `Model.fit` with its default method: MINPACK's Levenberg-Marquardt."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

from jitscope.adapters import FitResult, TrSolver
from jitscope.adapters._shared import extra
from jitscope.adapters.base import Fit, SimpleSolver
from jitscope.errors import UserError
from jitscope.problems import Problem


class Solver(SimpleSolver):
    """The user's own call, finite differences, a model in NumPy.

    It always tells its evaluations and status; after a plain call they are left out, as the
    contract says. Bounds are met by a change of variables.
    """

    name = "lmfit"
    module_name = "lmfit"
    install = extra("lmfit")

    def __init__(self) -> None:
        """Import nothing yet."""
        super().__init__()
        self._model: Any = None

    def array_module(self) -> ModuleType:
        """Return NumPy."""
        import numpy as np

        return np

    def refuse(self, problem: Problem, tr_solver: TrSolver) -> None:
        """Raise `UserError` for a `tr_solver`."""
        if tr_solver != "exact":
            raise UserError("lmfit takes no `tr_solver`; measure it with 'exact'.")

    def build(self, model: Callable[..., Any]) -> Fit:
        """Return a fit of lmfit's own model of a function, whose parameters it names."""
        self._model = self.module.Model(model, independent_vars=["x"])
        make_fit = self._model.fit

        def fit(y: Any, params: Any, x: Any) -> tuple[Any, ...]:
            found = make_fit(y, params, x=x)
            return tuple(found.best_values.values()), found.success, found

        return fit

    def arguments(self, problem: Problem) -> tuple[Any, ...]:
        """Return data and start, bounds included."""
        names = self._model.param_names
        params = self._model.make_params(**dict(zip(names, problem.p0, strict=True)))
        if problem.bounds is not None:
            for name, low, high in zip(names, *problem.bounds, strict=True):
                params[name].set(min=low, max=high)
        return problem.y, params, problem.x

    def result(self) -> FitResult:
        """Return how the last `run` ended, its evaluations too unless the call was a plain one."""
        known = super().result()
        if self._plain or self._output is None:
            return known
        found = self._output[2]
        words = " ".join(f"{found.message} {found.lmdif_message}".split())
        return replace(known, nfev=int(found.nfev), status=int(found.ier), message=words)
