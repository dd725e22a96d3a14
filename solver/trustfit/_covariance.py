"""The covariance of fitted parameters.

Where the residuals are nearly linear in the parameters around the solution, these have the
covariance s**2 (J.T J)^-1, s**2 being the variance of a residual of weight 1. Source: G. A. F.
Seber and C. J. Wild, "Nonlinear Regression", 1989, section 2.1.2.
"""

from typing import Any

import numpy as np

from trustfit._settings import Solution
from trustfit._types import FloatArray, NDArray

_EPS = float(np.finfo(np.float64).eps)


def dense(J: Any) -> FloatArray:
    """Return J as an array of shape (m, n), whether it is one, sparse, or a LinearOperator."""
    if isinstance(J, np.ndarray):
        return J
    if hasattr(J, "toarray"):
        return np.asarray(J.toarray(), dtype=np.float64)
    return np.asarray(J @ np.eye(J.shape[1]), dtype=np.float64)


def inverse_of_normal_matrix(
    R: FloatArray, m: int, relative_error: float = _EPS
) -> FloatArray | None:
    """Return (R.T R)^-1, shape (n, n), by singular values; None where R has not full rank.

    The columns are brought to length 1 first. So neither the rank nor the digits depend on the
    units of the parameters.

    Parameters
    ----------
    R : ndarray, shape (k, n)
        J, or its triangular factor.
    m : int
        Number of residuals, for the rank's threshold.
    relative_error : float
        That of J's elements: singular values below it, relative to the largest, mean nothing.
    """
    n = R.shape[1]
    norms = np.linalg.norm(R, axis=0)
    if m < n or not np.all(np.isfinite(norms) & (norms > 0)):
        return None
    _, s, Vt = np.linalg.svd(R / norms, full_matrices=False)
    if not s[-1] > max(_EPS * max(m, n), relative_error) * s[0]:
        return None
    W = Vt / s[:, None] / norms
    return W.T @ W


def covariance_by_inverse(
    inverse: FloatArray, cost: float, m: int, *, absolute_sigma: bool
) -> FloatArray:
    """Return what `covariance` does, given (J.T @ J)^-1, of a problem without fixed parameters."""
    if absolute_sigma:
        return inverse
    freedom = m - len(inverse)
    return inverse * (2 * cost / freedom) if freedom > 0 else np.full_like(inverse, np.inf)


def covariance(
    R: FloatArray,
    cost: float,
    m: int,
    fixed: NDArray[np.bool_],
    *,
    absolute_sigma: bool,
    relative_error: float = _EPS,
) -> FloatArray:
    """Return the covariance of the parameters, shape (n, n).

    Parameters
    ----------
    R : ndarray, shape (k, n)
        The Jacobian at the solution, or a factor with the same R.T R.
    cost : float
        Half the sum of the squares of the weighted residuals.
    m : int
        Number of residuals.
    fixed : ndarray of bool, shape (n,)
        The parameters whose bounds coincide. They are known exactly: their rows and columns are
        zero, and they cost no degree of freedom.
    absolute_sigma : bool
        Whether a residual of weight 1 has variance 1. Otherwise the variance is estimated, as
        2 cost / (m - number of free parameters).
    relative_error : float
        That of J's elements, larger than rounding for finite differences.

    Returns
    -------
    pcov : ndarray, shape (n, n)
        Infinite for all free parameters where J has not full rank in them, or where no degree of
        freedom is left to estimate the variance from.

    Notes
    -----
    SciPy's TRF returns the pseudo-inverse for a J without full rank. Its finite numbers leave out
    the directions that the data do not determine at all, as if these were known exactly.
    """
    n = R.shape[1]
    free = np.flatnonzero(~fixed)
    pcov = np.zeros((n, n))
    if free.size == 0:
        return pcov
    inverse = inverse_of_normal_matrix(R[:, free], m, relative_error)
    if inverse is not None and not absolute_sigma:
        freedom = m - free.size
        inverse = inverse * (2 * cost / freedom) if freedom > 0 else None
    pcov[np.ix_(free, free)] = np.inf if inverse is None else inverse
    return pcov


def covariance_of(
    solution: Solution,
    m: int,
    fixed: NDArray[np.bool_],
    *,
    absolute_sigma: bool,
    relative_error: float = _EPS,
) -> FloatArray:
    """Return what `covariance` does, by whatever a solution of m residuals brings along."""
    if solution.inverse is not None:
        return covariance_by_inverse(
            solution.inverse, solution.cost, m, absolute_sigma=absolute_sigma
        )
    return covariance(
        dense(solution.jac) if solution.R is None else solution.R,
        solution.cost,
        m,
        fixed,
        absolute_sigma=absolute_sigma,
        relative_error=relative_error,
    )
