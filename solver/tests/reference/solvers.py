"""The same problem put to SciPy's TRF, with the exact Jacobian, and to trustfit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import jax
import numpy as np
import trustfit
from numpy.typing import NDArray
from scipy import optimize

from .problem import Problem

Driver = Literal["fused", "stepped"]
Array = NDArray[np.float64]
MAX_NFEV = 10_000
"""Evaluations allowed: enough for a tolerance, never the limit, to end every run."""
TIGHT: Mapping[str, Any] = MappingProxyType({"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15})
"""Tolerances at rounding level."""


@dataclass(frozen=True)
class Outcome:
    """What a solver made of a problem.

    Attributes
    ----------
    x : ndarray, shape (n,)
    cost : float
        Half the sum of squares at x, evaluated anew, the same way for every solver.
    status : int
        SciPy's; positive if a tolerance is satisfied.
    nfev : int
        Evaluations up to the stopping test, as SciPy counts them.
    npolish : int
        Evaluations after it; 0 for SciPy.
    """

    x: Array
    cost: float
    status: int
    nfev: int
    npolish: int


@cache
def _compiled(fun: Callable[..., Any]) -> Callable[..., Any]:
    return jax.jit(lambda x, args: (fun(x, *args), jax.jacfwd(fun)(x, *args)))


def rows(problem: Problem, x: Array) -> tuple[Array, Array]:
    """Return f, shape (m,), and the exact J, (m, n), at x, shape (n,), in float64."""
    with jax.enable_x64(True):
        f, J = _compiled(problem.fun)(x, problem.args)
        return np.array(f), np.array(J)


def bounds(problem: Problem) -> Any:
    """Return the problem's bounds as `least_squares` takes them."""
    return (-np.inf, np.inf) if problem.bounds is None else problem.bounds


def start_cost(problem: Problem) -> float:
    """Return half the sum of squares at the start."""
    f, _ = rows(problem, np.array(problem.x0, dtype=float))
    return 0.5 * float(f @ f)


def as_low(found: Outcome, scipy_found: Outcome, start: float) -> bool:
    """Return whether a cost is not above SciPy's, `start` being the cost at the start.

    Where the minimum is zero, both stop when the cost is as good as zero, not at the same point.
    """
    as_good_as_zero = 1e-16 * min(1.0, start)
    return found.cost <= scipy_found.cost * (1 + 1e-8) + as_good_as_zero


def disagreement(problem: Problem, one: Outcome, other: Outcome) -> str | None:
    """Return in what the outcomes of two drivers differ by more than rounding explains, or None.

    The costs may differ by 1e-12 of them, the points by what changes no residual: ||J dx|| is
    measured against ||f||, since where the data hardly determine x its digits mean nothing.
    """
    if one.status != other.status:
        return f"status {one.status} and {other.status}"
    zero = min(1.0, start_cost(problem))
    if abs(one.cost - other.cost) > 1e-12 * one.cost + 1e-16 * zero:
        return f"cost {one.cost:.15g} and {other.cost:.15g}"
    f, J = rows(problem, one.x)
    moved, size = np.linalg.norm(J @ (one.x - other.x)), np.linalg.norm(f)
    if moved > 1e-6 * size + 1e-8 * zero**0.5:
        return f"||J dx|| {moved:.1e}, ||f|| {size:.1e}"
    return None


def scipys(problem: Problem, **options: Any) -> Outcome:
    """Return the outcome of `scipy.optimize.least_squares`."""
    # Overflow on the way is part of these problems; NumPy would warn about it.
    with np.errstate(all="ignore"):
        result = optimize.least_squares(
            lambda x: rows(problem, x)[0],
            problem.x0,
            jac=lambda x: rows(problem, x)[1],  # pyright: ignore[reportArgumentType]
            method="trf",
            bounds=bounds(problem),
            **options,
        )
    return _outcome(problem, np.asarray(result.x), result.status, result.nfev, 0)


def ours(problem: Problem, driver: Driver = "fused", **options: Any) -> Outcome:
    """Return the outcome of `trustfit.least_squares`.

    The fused driver answers the plain call, after compiling for a second or more; a callback asks
    for the stepped one.
    """
    if driver == "stepped":
        options["callback"] = _go_on
    result = trustfit.least_squares(
        problem.fun, problem.x0, args=problem.args, bounds=bounds(problem), **options
    )
    npolish = result.npolish
    return _outcome(problem, np.asarray(result.x), result.status, result.nfev - npolish, npolish)


def _go_on(x: Array) -> None:
    """Let the solve go on."""


def _outcome(problem: Problem, x: Array, status: int, nfev: int, npolish: int) -> Outcome:
    f, _ = rows(problem, x)
    return Outcome(x, 0.5 * float(f @ f), int(status), int(nfev), npolish)
