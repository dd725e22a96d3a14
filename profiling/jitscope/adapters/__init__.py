"""One module per solver: the only places that import the solver that they are named after.

``get("trustfit")`` imports nothing but the adapter; the solver is imported by `prepare` or, apart
from it, by `import_solver`.
"""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jitscope.problems import Problem

NAMES = ("trustfit", "scipy", "scipy_lm", "nlsq", "optimistix", "jaxopt", "lmfit")
"""Each names a module here; "scipy" is SciPy's trust-region method, which trustfit follows."""
PEERS = tuple(name for name in NAMES if name != "trustfit")
"""Solvers measured beside the history's own: they come with the environment, not the commit."""
TrSolver = Literal["exact", "lsmr"]


@dataclass(frozen=True)
class FitResult:
    """How a fit ended.

    Attributes
    ----------
    params : tuple of float, or None
        None where the solver gave none: it did not converge.
    cost : float or None
        0.5 * sum(r**2), r the residuals; None without `params`.
    nfev, status : int or None
        Evaluations of the function, and the solver's status; None where it does not tell.
    success : bool
        Whether a convergence test was satisfied.
    message : str
        The solver's own words.
    """

    params: tuple[float, ...] | None
    cost: float | None
    nfev: int | None
    status: int | None
    success: bool
    message: str


class Adapter(Protocol):
    """A solver, called as its users call it: NumPy in, NumPy out.

    `run` may be called any number of times after `prepare`, and `result` after `run`.
    """

    name: str

    def import_solver(self) -> None:
        """Import the solver, and nothing else.

        Raises
        ------
        UserError
            It is not installed.
        """
        ...

    def solver_file(self) -> str:
        """Return the file that the solver was imported from."""
        ...

    def has_stepped_driver(self) -> bool:
        """Return whether the installed version's own call shows no stages, and another one does.

        The own call of such a solver is *fused*: one compiled loop, in which nothing can be timed
        from outside. Its *stepped* driver runs the same algorithm in a loop on the host. Nothing
        is imported to find out.
        """
        ...

    def prepare(
        self,
        problem: "Problem",
        *,
        tr_solver: TrSolver = "exact",
        new_function: bool = False,
        stepped: bool = False,
        plain: bool = False,
    ) -> None:
        """Build the call.

        Parameters
        ----------
        problem : Problem
            Data, model and start.
        tr_solver : {"exact", "lsmr"}
            As `least_squares` takes it.
        new_function : bool
            Make a new function object of the same model, as writing the lambda again would; by
            default the one of the last `prepare` stays.
        stepped : bool
            Make the call through the stepped driver instead of the user's own.
        plain : bool
            Ask for parameters and covariance only. By default a solver that can tells its
            evaluations, status and residuals too (``full_output=True``), which makes the call a
            little dearer; the benchmarks that say nothing else measure that call.

        Raises
        ------
        UserError
            The solver is not installed, or cannot fit such a problem.
        ValueError
            `stepped`, of a solver that has no stepped driver.
        """
        ...

    def wait_for_programs(self) -> None:
        """Have every later `prepare` build a call that waits for what the solver compiles.

        For counting. It changes nothing of a solver that waits anyway.
        """
        ...

    def run(self) -> None:
        """Make the prepared call and wait for it: the only timed region."""
        ...

    def warm_up(self) -> None:
        """Make the prepared call until all is ready that the solver makes ready for later ones."""
        ...

    def result(self) -> FitResult:
        """Return how the last `run` ended.

        After a plain call evaluations and status are unknown, and the cost is worked out here, from
        the parameters that it returned.
        """
        ...

    def prepare_many(self, problem: "Problem", ys: "NDArray[Any]") -> None:
        """Build what fits many curves: one call where the solver can, else a loop of plain calls.

        Parameters
        ----------
        problem : Problem
            Model, abscissae and start of all of them; its `y` is not used.
        ys : ndarray, shape (k, m)
            A row for each fit.

        Raises
        ------
        UserError
            The solver is not installed; `jitscope.errors.Unsupported` where this version cannot.
        """
        ...

    def run_many(self) -> "NDArray[Any]":
        """Make the fits of the last `prepare_many` and return the parameters, shape (k, n)."""
        ...

    def evaluations(self) -> tuple[int, int]:
        """Return nfev and njev of the prepared fit, by a `least_squares` call of its own.

        `curve_fit` does not tell njev. The call goes through the stepped driver if there is one.

        Raises
        ------
        UserError
            The solver does not tell them.
        """
        ...

    def stages(self) -> Mapping[str, str]:
        """Return ``"module:function" -> stage`` of the prepared call; empty where it shows none."""
        ...

    def iterations(self) -> Mapping[str, str]:
        """Return which of those functions runs once an "outer" and once an "inner" iteration.

        A kind that the installed version does not mark is not there.
        """
        ...


def package(name: str) -> str:
    """Return the distribution that a solver comes with: "scipy" for "scipy_lm"."""
    if not is_outside(name):
        return name.partition("_")[0]
    adapter = get(name)
    module_name = getattr(adapter, "module_name", adapter.name)
    return str(module_name).partition(".")[0]


def is_outside(name: str) -> bool:
    """Return whether a name is that of an adapter outside of jitscope, by its form alone."""
    return name.endswith(".py") or ":" in name


def known(name: str) -> str:
    """Return a name if `get` may take it: what argparse's `type` is for. Nothing is loaded.

    Raises
    ------
    ArgumentTypeError
        Unknown name.
    """
    if name in NAMES or is_outside(name):
        return name
    raise ArgumentTypeError(_unknown(name))


def get(name: str) -> Adapter:
    """Return a new adapter.

    Parameters
    ----------
    name : str
        One of `NAMES`; or an adapter outside of jitscope, as ``path/to/adapter.py``, whose class
        is `Solver`, or ``module:Class``.

    Raises
    ------
    ValueError
        Unknown name.
    UserError
        There is no such adapter outside.
    """
    if is_outside(name):
        from jitscope.adapters._outside import load

        return load(name)
    if name not in NAMES:
        raise ValueError(_unknown(name))
    return import_module(f"jitscope.adapters.{name}").Solver()


def _unknown(name: str) -> str:
    return (
        f"unknown solver {name!r}; the solvers are {', '.join(NAMES)}, and your own as "
        "path/to/adapter.py or module:Class."
    )
