"""From the last state of a solve to what the caller gets."""

from typing import Any

import numpy as np

from trustfit import _state as states
from trustfit._algebra import invert_positive
from trustfit._bounds import Bounds, active_constraints
from trustfit._gram import COVARIANCE_PIVOT
from trustfit._settings import Options, Solution
from trustfit._state import State
from trustfit._types import FloatArray

RESIDUALS_AT_START = "Residuals are not finite in the initial point. Choose another `x0`."
JACOBIAN_AT_START = (
    "The Jacobian is not finite in the initial point. Choose another `x0`, or pass `jac='2-point'` "
    "if the residuals' derivative alone is at fault."
)
"""What is said of start values that a solve cannot begin from."""


class ResidualsNotFinite(ValueError):
    """A solve cannot begin where the residuals are not finite."""


class JacobianNotFinite(ValueError):
    """A solve cannot begin where the Jacobian is not finite."""


def square_root(M: FloatArray) -> FloatArray | None:
    """Return an upper triangular R with R.T @ R = J.T @ J from the Gram matrix of [J f].

    None where the columns of J are too close to dependent for that.
    """
    A = M[:-1, :-1]
    norms = np.sqrt(np.diagonal(A))
    if not np.all(norms > 0):
        return None
    unit = A / norms[:, None] / norms
    if not invert_positive(np, unit).pivot > COVARIANCE_PIVOT:
        return None
    return np.asarray(np.linalg.cholesky(unit).T * norms, np.float64)


def to_solution(
    state: State,
    rows: tuple[Any, ...],
    R: FloatArray | None,
    bounds: Bounds | None,
    options: Options,
    inverse: FloatArray | None = None,
) -> Solution:
    """Return the solution that a final state on the host stands for.

    Raises
    ------
    ValueError
        If the residuals or the Jacobian were not finite at the start.
    """
    if state.status == states.RESIDUALS_NOT_FINITE_AT_START:
        raise ResidualsNotFinite(RESIDUALS_AT_START)
    if state.status == states.JACOBIAN_NOT_FINITE_AT_START:
        raise JacobianNotFinite(JACOBIAN_AT_START)
    active = np.zeros(len(state.x), int)
    if bounds is not None:
        active = active_constraints(np, state.x, bounds, options.tol.xtol)
    fun, jac = rows or (None, None)
    return Solution(
        x=state.x,
        cost=np.float64(state.at_x.cost),
        fun=fun,
        jac=jac,
        grad=np.array(state.g),
        optimality=np.float64(state.g_norm),
        active_mask=active,
        nfev=int(state.nfev),
        njev=int(state.njev),
        status=int(state.status),
        npolish=int(state.npolish),
        R=R,
        inverse=inverse,
    )
