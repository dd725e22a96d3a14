"""What every adapter needs: imports that explain themselves, answers worked out from parameters."""

from collections.abc import Mapping
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from jitscope.adapters import FitResult
from jitscope.errors import UserError
from jitscope.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Opaque:
    """The part of an `Adapter` about the inside of a solve, of a solver that shows nothing."""

    name: ClassVar[str]

    def wait_for_programs(self) -> None:
        """Change nothing: every call waits for what it compiles."""

    def has_stepped_driver(self) -> bool:
        """Return False: there is one driver."""
        return False

    def stages(self) -> Mapping[str, str]:
        """Return nothing: the solve is not split."""
        return {}

    def iterations(self) -> Mapping[str, str]:
        """Return nothing: the solve is not split."""
        return {}

    def evaluations(self) -> tuple[int, int]:
        """Refuse: they are not told."""
        raise UserError(f"{self.name} does not tell its evaluations; count trustfit or scipy.")


def extra(name: str) -> str:
    """Return the command that installs jitscope with the solver of that name."""
    return f"pip install 'jitscope[{name}]'"


def has_module(package: str, module: str) -> bool:
    """Return whether an installed package has a module; imports neither."""
    found = find_spec(package)
    places = None if found is None else found.submodule_search_locations
    return places is not None and PathFinder.find_spec(module, places) is not None


def import_or_explain(module: str, install: str) -> ModuleType:
    """Import a module of a solver's package.

    Parameters
    ----------
    module : str
        Its full name.
    install : str
        The command that installs the package.

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
        raise UserError(f"`{package}` is not installed; run `{install}`.") from error


def answer(problem: Problem, params: "NDArray[Any]", *, success: bool = True) -> FitResult:
    """Return what parameters alone tell of a fit: their cost, by the model in NumPy.

    Evaluations and status stay unknown.
    """
    import numpy as np

    residuals = problem.model(np)(problem.x, *params) - problem.y
    return FitResult(
        params=tuple(float(value) for value in params),
        cost=0.5 * float(residuals @ residuals),
        nfev=None,
        status=None,
        success=success,
        message="" if success else "it ended without convergence.",
    )
