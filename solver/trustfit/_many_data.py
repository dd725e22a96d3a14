"""Many fits: their data as they came, and what came of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from trustfit._bounds import Bounds
from trustfit._covariance import covariance_of
from trustfit._solve import Request, Solved
from trustfit._types import FloatArray, NDArray


class Abscissae(NamedTuple):
    """Where the data were measured: `array` has the fits as its first axis if they are `separate`.

    Without that axis it has shape (m,), or (d, m) for d predictors.
    """

    array: NDArray[Any]
    separate: bool


class Stack(NamedTuple):
    """The data of k fits of m points each, in the types in which they came.

    Attributes
    ----------
    x : Abscissae
    y : ndarray, shape (k, m)
    sigma : ndarray or None
        Standard deviations, shape (m,), or (k, m) for those of each fit.
    start : ndarray, shape (k, n)
    bounds : Bounds or None
        Each of shape (k, n). Where all fits share them, and start values, these are views.
    """

    x: Abscissae
    y: NDArray[Any]
    sigma: NDArray[Any] | None
    start: FloatArray
    bounds: Bounds | None

    @property
    def own_sigma(self) -> bool:
        """Whether each fit has standard deviations of its own."""
        return self.sigma is not None and self.sigma.ndim == 2

    def select(self, fits: Any) -> "Stack":
        """Return the data of some fits: copies, unless `fits` is a slice."""
        x, sigma, bounds = self.x, self.sigma, self.bounds
        return Stack(
            Abscissae(x.array[fits], True) if x.separate else x,
            self.y[fits],
            sigma[fits] if sigma is not None and sigma.ndim == 2 else sigma,
            self.start[fits],
            None if bounds is None else Bounds(bounds.lb[fits], bounds.ub[fits]),
        )


def as_float(array: NDArray[Any]) -> FloatArray:
    """Return an array in double precision, its elements in order in memory."""
    return np.ascontiguousarray(array, np.float64)


def weights_of(sigma: NDArray[Any]) -> FloatArray:
    """Return the factors of residuals; a fit with one that is not finite fails at its start."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1 / as_float(sigma)


class Task(NamedTuple):
    """The model, and how it is to be fitted to the data.

    `finite_only`: whether a fit fails whose data are not finite; `omit_nan`: whether its points
    with NaN are left out.
    """

    f: Callable[..., Any]
    jac: Callable[..., Any] | None
    stack: Stack
    request: Request
    absolute_sigma: bool
    finite_only: bool
    omit_nan: bool


@dataclass(frozen=True)
class Fits:
    """What came of k fits, in their order, to be filled in.

    `x`, shape (k, n), and `pcov`, shape (k, n, n), the latter infinite where it is not known;
    `cost`, `nfev`, `status`, shape (k,); `fvec`, shape (k, m), None if not asked for.
    """

    x: FloatArray
    pcov: FloatArray
    cost: FloatArray
    nfev: NDArray[np.int64]
    status: NDArray[np.int64]
    fvec: FloatArray | None

    @classmethod
    def of(cls, task: Task) -> "Fits":
        """Return what is to be filled in: every fit where it starts."""
        k, m = task.stack.y.shape
        n = task.stack.start.shape[1]
        return cls(
            task.stack.start.copy(),
            np.full((k, n, n), np.inf),
            np.full(k, np.nan),
            np.zeros(k, np.int64),
            np.zeros(k, np.int64),
            np.full((k, m), np.nan) if task.request.rows else None,
        )

    def fill(self, fit: int, solved: Solved, kept: Any, task: Task) -> None:
        """Write the solution of one fit; its residuals are those of the points `kept`."""
        solution, jac_error = solved
        self.x[fit], self.cost[fit] = solution.x, solution.cost
        self.nfev[fit], self.status[fit] = solution.nfev, solution.status
        if self.fvec is not None:
            self.fvec[fit, kept] = solution.fun
        bounds = task.stack.bounds
        n = len(solution.x)
        if solution.status > 0:
            self.pcov[fit] = covariance_of(
                solution,
                int(np.count_nonzero(kept)),
                np.zeros(n, bool) if bounds is None else bounds.lb[fit] == bounds.ub[fit],
                absolute_sigma=task.absolute_sigma,
                relative_error=jac_error,
            )


def summary_of(fits: Fits) -> str | None:
    """Return what there is to say about fits without a result; None if all have one."""
    k = len(fits.status)
    bad = fits.status <= 0
    unknown = ~bad & np.isinf(fits.pcov).any(axis=(1, 2))
    parts: list[str] = []
    if bad.any():
        parts.append(
            f"{np.count_nonzero(bad)} of {k} fits did not converge, the first of them fit "
            f'{np.argmax(bad)}: with `full_output=True`, `infodict["status"]` tells which and why.'
        )
    if unknown.any():
        parts.append(
            f"Covariance of the parameters could not be estimated in {np.count_nonzero(unknown)} "
            f"of {k} fits, the first of them fit {np.argmax(unknown)}."
        )
    return " ".join(parts) or None
