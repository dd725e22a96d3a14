"""Optimistix's Levenberg-Marquardt in a jitted function, as its documentation writes it."""

from typing import TYPE_CHECKING, Any

from jitscope._models import ModelFactory
from jitscope.adapters import FitResult, TrSolver
from jitscope.adapters._shared import PEERS_EXTRA, Opaque, answer, import_or_explain
from jitscope.errors import UserError
from jitscope.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Solver(Opaque):
    """NumPy in, NumPy out, parameters only: it computes no covariance."""

    name = "optimistix"

    def __init__(self) -> None:
        """Import nothing yet."""
        self._module: Any = None
        self._fit: Any = None
        self._problem: Problem | None = None
        self._call: tuple[Any, ...] = ()
        self._output: tuple[Any, ...] | None = None

    def import_solver(self) -> None:
        """Import Optimistix, and nothing else."""
        self._module = import_or_explain("optimistix", PEERS_EXTRA)

    def solver_file(self) -> str:
        """Return the file of the package."""
        return str(import_or_explain("optimistix", PEERS_EXTRA).__file__)

    def prepare(
        self,
        problem: Problem,
        *,
        tr_solver: TrSolver = "exact",
        new_function: bool = False,
        stepped: bool = False,
        plain: bool = True,
    ) -> None:
        """Build the call, of a problem without bounds."""
        if stepped:
            raise ValueError("this version of optimistix has no stepped driver.")
        if problem.bounds is not None or tr_solver != "exact":
            raise UserError("optimistix takes neither bounds nor `tr_solver`.")
        import jax

        self.import_solver()
        if new_function or self._problem is None or self._problem.model is not problem.model:
            self._fit = jax.jit(self._one_fit(problem.model))
        self._problem, self._output = problem, None
        self._call = (problem.x, problem.y, problem.p0)

    def run(self) -> None:
        """Fit, and wait for the parameters."""
        self._output = _called(self._fit, self._call)

    def result(self) -> FitResult:
        """Return how the last `run` ended."""
        if self._output is None or self._problem is None:
            raise RuntimeError("`result` needs a `run` first.")
        return answer(self._problem, self._output[0], success=bool(self._output[1]))

    def prepare_many(self, problem: Problem, ys: "NDArray[Any]") -> None:
        """Build one call that fits every row of `ys`, under vmap."""
        import jax

        self.import_solver()
        together = jax.vmap(self._one_fit(problem.model), in_axes=(None, 0, None))
        self._fit, self._call = jax.jit(together), (problem.x, ys, problem.p0)

    def run_many(self) -> "NDArray[Any]":
        """Fit them all and return their parameters."""
        return _called(self._fit, self._call)[0]

    def _one_fit(self, factory: ModelFactory) -> Any:
        import jax.numpy as jnp

        optx, model = self._module, factory(jnp)
        method = optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8)  # as SciPy's

        def fit(x: Any, y: Any, p0: Any) -> Any:
            found = optx.least_squares(
                lambda p, _: model(x, *p) - y, method, p0, max_steps=1000, throw=False
            )
            return found.value, found.result == optx.RESULTS.successful

        return fit


def _called(fit: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    import jax
    import numpy as np

    with jax.enable_x64(True):
        return tuple(np.asarray(one) for one in fit(*arguments))
