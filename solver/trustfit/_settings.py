"""What the caller chose, and what a driver returns: data that every driver shares."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from trustfit._driver import Served
from trustfit._types import FloatArray, Loss, NDArray, TrSolver


class Tolerances(NamedTuple):
    """Relative tolerances on cost and x, and the absolute one on the gradient; 0 where off."""

    ftol: float
    xtol: float
    gtol: float


class Options(NamedTuple):
    """What the caller chose, checked and complete.

    A `loss` that is a function, rho(z) of shape (3, m), and `tr_solver` 'lsmr' are for the
    stepped driver.
    """

    tol: Tolerances
    max_nfev: int
    x_scale: FloatArray | Literal["jac"]
    loss: Loss | Callable[[FloatArray], Any]
    f_scale: float
    tr_solver: TrSolver
    tr_options: Mapping[str, Any]
    polish: bool = True


class HostFunctions(NamedTuple):
    """The user's functions on the host.

    ``residual(x)`` returns f, shape (m,), and ``jacobian(x, f)`` J, shape (m, n): an array, a
    sparse matrix or a linear operator. The second is called right after the first, at the same x.
    """

    residual: Callable[[FloatArray], Any]
    jacobian: Callable[[FloatArray, Any], Any]


class Solution(NamedTuple):
    """The last accepted point and how the solve ended; names as in `OptimizeResult`.

    `fun` and `jac` are None where the fused driver was not asked for them. `R`, shape (n, n), has
    R.T @ R = J.T @ J to working accuracy; it is None with `tr_solver` 'lsmr', and where there is
    `inverse` = (J.T @ J)^-1, shape (n, n), instead: without bounds, if the columns of J are far
    from dependent.
    `npolish` of the `nfev` evaluations were spent after the stopping test was satisfied.
    `driver` says how it was found: see `trustfit._driver`.
    """

    x: FloatArray
    cost: float
    fun: FloatArray | None
    jac: Any
    grad: FloatArray
    optimality: float
    active_mask: NDArray[np.int_]
    nfev: int
    njev: int
    status: int
    npolish: int
    R: FloatArray | None
    inverse: FloatArray | None = None
    driver: Served = "stepped"
