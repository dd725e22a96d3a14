"""Base classes for adapters of one's own: what is left to write is the fit itself.

`docs/profile-your-own-solver.md` shows one in 20 lines.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from jitscope._models import ModelFactory
from jitscope.adapters import FitResult, TrSolver
from jitscope.adapters._shared import Opaque, answer, import_or_explain
from jitscope.errors import UserError
from jitscope.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

Fit = Callable[..., tuple[Any, ...]]


class SimpleSolver(Opaque, ABC):
    """A `jitscope.adapters.Adapter` but for the fit: parameters in, parameters out.

    Attributes
    ----------
    name : str
        The adapter's name.
    module_name : str
        Full name of the module that `module` is once the solver is imported.
    install : str
        The command that installs it; ``pip install`` of the package by default.
    """

    name: ClassVar[str]
    module_name: ClassVar[str]
    install: ClassVar[str] = ""

    def __init__(self) -> None:
        """Import nothing yet."""
        self.module: Any = None
        self._factory: ModelFactory | None = None
        self._fit: Fit | None = None
        self._call: tuple[Any, ...] = ()
        self._problem: Problem | None = None
        self._ys: Any = ()
        self._plain = False
        self._output: tuple[Any, ...] | None = None

    @abstractmethod
    def build(self, model: Callable[..., Any]) -> Fit:
        """Return a function that fits.

        Parameters
        ----------
        model : callable
            ``f(x, *params)``, written with `array_module`.

        Returns
        -------
        callable
            ``fit(x, y, p0)``, NumPy in, which returns the parameters and whether they converged,
            and waits for both.
        """

    def array_module(self) -> ModuleType:
        """Return the array module of the models: ``jax.numpy``."""
        import jax.numpy as jnp

        return jnp

    def arguments(self, problem: Problem) -> tuple[Any, ...]:
        """Return what the fit is called with: ``x, y, p0``."""
        return problem.x, problem.y, problem.p0

    def refuse(self, problem: Problem, tr_solver: TrSolver) -> None:
        """Raise `UserError` for what the solver cannot fit: bounds and `tr_solver`."""
        if problem.bounds is not None or tr_solver != "exact":
            raise UserError(f"{self.name} takes neither bounds nor `tr_solver`.")

    def import_solver(self) -> None:
        """Import the solver, and nothing else."""
        self.module = import_or_explain(self.module_name, self._install())

    def solver_file(self) -> str:
        """Return the file of the solver's package."""
        package = self.module_name.partition(".")[0]
        return str(import_or_explain(package, self._install()).__file__)

    def prepare(
        self,
        problem: Problem,
        *,
        tr_solver: TrSolver = "exact",
        new_function: bool = False,
        stepped: bool = False,
        plain: bool = False,
    ) -> None:
        """Build the call; the fit of the last `prepare` stays while its model does."""
        if stepped:
            raise ValueError(f"this version of {self.name} has no stepped driver.")
        self.refuse(problem, tr_solver)
        self.import_solver()
        if new_function or self._factory is not problem.model:
            self._factory = problem.model
            self._fit = self.build(problem.model(self.array_module()))
        self._problem, self._plain, self._output = problem, plain, None
        self._call = self.arguments(problem)

    def run(self) -> None:
        """Fit, and wait for the parameters."""
        assert self._fit is not None, "`run` needs a `prepare` first."
        self._output = self._fit(*self._call)

    def warm_up(self) -> None:
        """Fit once: that leaves all ready."""
        self.run()

    def result(self) -> FitResult:
        """Return how the last `run` ended."""
        if self._output is None or self._problem is None:
            raise RuntimeError("`result` needs a `run` first.")
        return answer(self._problem, self._output[0], success=bool(self._output[1]))

    def prepare_many(self, problem: Problem, ys: "NDArray[Any]") -> None:
        """Build a loop of calls, one for each row of `ys`."""
        self.prepare(problem, plain=True)
        self._ys = ys

    def run_many(self) -> "NDArray[Any]":
        """Fit them all and return their parameters."""
        import numpy as np

        fit, problem = self._fit, self._problem
        assert fit is not None, "`run_many` needs a `prepare_many` first."
        assert problem is not None
        rows = (self.arguments(replace(problem, y=y)) for y in self._ys)
        return np.array([fit(*row)[0] for row in rows])

    def _install(self) -> str:
        return self.install or f"pip install {self.module_name.partition('.')[0]}"


class JittedSolver(SimpleSolver):
    """A solver whose fit can be jitted and mapped by JAX; everything is float64."""

    def __init__(self) -> None:
        """Import nothing yet."""
        super().__init__()
        self._many: Fit | None = None

    @abstractmethod
    def one_fit(self, model: Callable[..., Any]) -> Fit:
        """Return the function that `jax.jit` compiles: `build`'s, with JAX arrays in and out."""

    def build(self, model: Callable[..., Any]) -> Fit:
        """Compile the fit."""
        return _compiled(self.one_fit(model))

    def prepare_many(self, problem: Problem, ys: "NDArray[Any]") -> None:
        """Build one call that fits every row of `ys`, under vmap."""
        import jax

        self.prepare(problem, plain=True)
        fit = self.one_fit(problem.model(self.array_module()))
        self._many, self._ys = _compiled(jax.vmap(fit, in_axes=(None, 0, None))), ys

    def run_many(self) -> "NDArray[Any]":
        """Fit them all and return their parameters."""
        assert self._many is not None, "`run_many` needs a `prepare_many` first."
        x, _, p0 = self._call
        return self._many(x, self._ys, p0)[0]


def _compiled(fit: Fit) -> Fit:
    import jax
    import numpy as np

    jitted = jax.jit(fit)

    def call(*arguments: Any) -> tuple[Any, ...]:
        with jax.enable_x64(True):
            return tuple(np.asarray(one) for one in jitted(*arguments))

    return call
