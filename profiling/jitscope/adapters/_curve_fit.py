"""What the adapters of solvers with SciPy's `curve_fit` signature share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from inspect import signature
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from jitscope._models import ModelFactory
from jitscope.adapters import FitResult, TrSolver
from jitscope.adapters._shared import Opaque, answer, import_or_explain
from jitscope.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNCONVERGED = "Optimal parameters not found"
_PLAIN_OUTPUT = 2
"""Parameters and covariance."""


class CurveFitSolver(Opaque, ABC):
    """A `jitscope.adapters.Adapter` but for the module that it calls.

    Attributes
    ----------
    name : str
        The adapter's name.
    module_name : str
        Full name of the module that has `curve_fit`.
    install : str
        The command that installs it.
    options : mapping
        Further arguments of every call.
    stepped_options : mapping
        Further arguments of a call through the stepped driver.
    waiting_options : mapping
        Those of a call that waits for what it compiles, of versions that take them.
    background : str
        Function of the module that waits for what calls have left to be compiled, of versions
        that have one.
    """

    name: ClassVar[str]
    module_name: ClassVar[str]
    install: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    stepped_options: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    waiting_options: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    background: ClassVar[str] = ""

    def __init__(self) -> None:
        """Import nothing yet."""
        self._module: Any = None
        self._factory: ModelFactory | None = None
        self._model: Any = None
        self._call: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self._problem: Problem | None = None
        self._ys: Any = ()
        self._stepped = self._waiting = False
        self._output: tuple[Any, ...] | FitResult | None = None

    @abstractmethod
    def array_module(self) -> ModuleType:
        """Return the array module that the solver's users write models with."""

    @abstractmethod
    def wait(self, output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Block until every array of an output is ready."""

    def import_solver(self) -> None:
        """Import the solver, and nothing else."""
        self._module = import_or_explain(self.module_name, self.install)

    def solver_file(self) -> str:
        """Return the file of the solver's package."""
        package = self.module_name.partition(".")[0]
        return str(import_or_explain(package, self.install).__file__)

    def prepare(
        self,
        problem: Problem,
        *,
        tr_solver: TrSolver = "exact",
        new_function: bool = False,
        stepped: bool = False,
        plain: bool = False,
    ) -> None:
        """Build the call; what the user would not write is not passed, unless `stepped`."""
        self.import_solver()
        if stepped and not self.has_stepped_driver():
            raise ValueError(f"this version of {self.name} has no stepped driver.")
        self._problem, self._stepped, self._output = problem, stepped, None
        if new_function or self._factory is not problem.model:
            self._factory, self._model = problem.model, problem.model(self.array_module())
        options: dict[str, Any] = dict(self.options)
        if not plain:
            options["full_output"] = True
        if problem.bounds is not None:
            options["bounds"] = problem.bounds
        if tr_solver != "exact":
            options["tr_solver"] = tr_solver
        if stepped:
            options |= self.stepped_options
        if self._waiting and signature(self._module.curve_fit).parameters.keys() >= set(
            self.waiting_options
        ):
            options |= self.waiting_options
        self._call = ((self._model, problem.x, problem.y, problem.p0), options)

    def wait_for_programs(self) -> None:
        """Have the calls prepared from now on wait for what they compile."""
        self._waiting = True

    def warm_up(self) -> None:
        """Make the call; where its program is made in the background, until that is there."""
        self.run()
        wait = getattr(self._module, self.background, None)
        if wait is not None:
            self.run()  # the second call starts what is to be waited for
            wait()
            self.run()

    def run(self) -> None:
        """Call `curve_fit` and wait for all that it returns."""
        args, options = self._call
        try:
            self._output = self.wait(self._module.curve_fit(*args, **options))
        except RuntimeError as error:
            if not str(error).startswith(_UNCONVERGED):
                raise
            self._output = FitResult(None, None, None, None, False, str(error))

    def result(self) -> FitResult:
        """Return how the last `run` ended."""
        if self._output is None:
            raise RuntimeError("`result` needs a `run` first.")
        if isinstance(self._output, FitResult):
            return self._output
        if len(self._output) == _PLAIN_OUTPUT:
            assert self._problem is not None
            return answer(self._problem, self._output[0])
        params, _, info, message, status = self._output
        residuals = info["fvec"]
        return FitResult(
            params=tuple(float(value) for value in params),
            cost=0.5 * float(residuals @ residuals),
            nfev=int(info["nfev"]),
            status=int(status),
            success=int(status) > 0,
            message=str(message),
        )

    def evaluations(self) -> tuple[int, int]:
        """Return nfev and njev of the prepared fit, by a `least_squares` call of its own."""
        (model, x, y, p0), options = self._call
        shared = {name: value for name, value in options.items() if name != "full_output"}
        if self.has_stepped_driver():
            shared |= self.stepped_options
        result = self._module.least_squares(lambda p: model(x, *p) - y, p0, **shared)
        return int(result.nfev), int(result.njev)

    def prepare_many(self, problem: Problem, ys: "NDArray[Any]") -> None:
        """Build a loop of plain calls, one for each row of `ys`."""
        self.prepare(problem, plain=True)
        self._ys = ys

    def run_many(self) -> "NDArray[Any]":
        """Fit them all and return their parameters."""
        import numpy as np

        (model, x, _, p0), options = self._call
        fit = self._module.curve_fit
        return np.array([self.wait(fit(model, x, y, p0, **options))[0] for y in self._ys])
