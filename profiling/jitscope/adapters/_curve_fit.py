"""What the adapters of solvers with SciPy's `curve_fit` signature share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar

from jitscope._models import ModelFactory
from jitscope.adapters import FitResult, TrSolver
from jitscope.errors import UserError
from jitscope.problems import Problem

_UNCONVERGED = "Optimal parameters not found"


class CurveFitSolver(ABC):
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
    """

    name: ClassVar[str]
    module_name: ClassVar[str]
    install: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    stepped_options: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self) -> None:
        """Import nothing yet."""
        self._module: Any = None
        self._factory: ModelFactory | None = None
        self._model: Any = None
        self._call: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self._stepped = False
        self._output: tuple[Any, ...] | FitResult | None = None

    @abstractmethod
    def array_module(self) -> ModuleType:
        """Return the array module that the solver's users write models with."""

    @abstractmethod
    def wait(self, output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Block until every array of an output is ready."""

    def has_stepped_driver(self) -> bool:
        """Return False: there is one driver."""
        return False

    def stages(self) -> Mapping[str, str]:
        """Return nothing: the solve is not split."""
        return {}

    def iterations(self) -> Mapping[str, str]:
        """Return nothing: the solve is not split."""
        return {}

    def import_solver(self) -> None:
        """Import the solver, and nothing else."""
        self._module = self.import_or_explain(self.module_name)

    def solver_file(self) -> str:
        """Return the file of the solver's package."""
        return str(self.import_or_explain(self.module_name.partition(".")[0]).__file__)

    def prepare(
        self,
        problem: Problem,
        *,
        tr_solver: TrSolver = "exact",
        new_function: bool = False,
        stepped: bool = False,
    ) -> None:
        """Build the call; what the user would not write is not passed, unless `stepped`."""
        self.import_solver()
        if stepped and not self.has_stepped_driver():
            raise ValueError(f"this version of {self.name} has no stepped driver.")
        self._stepped = stepped
        if new_function or self._factory is not problem.model:
            self._factory, self._model = problem.model, problem.model(self.array_module())
        options: dict[str, Any] = {**self.options, "full_output": True}
        if problem.bounds is not None:
            options["bounds"] = problem.bounds
        if tr_solver != "exact":
            options["tr_solver"] = tr_solver
        if stepped:
            options |= self.stepped_options
        self._call = ((self._model, problem.x, problem.y, problem.p0), options)

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

    def import_or_explain(self, module: str) -> ModuleType:
        """Import a module of the solver's package.

        Raises
        ------
        UserError
            The package is not installed; says what installs it.
        """
        package = module.partition(".")[0]
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            if error.name != package:
                raise
            raise UserError(f"`{package}` is not installed; run `{self.install}`.") from error
