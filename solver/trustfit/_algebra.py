"""Dense algebra of the small part: n x n matrices, by NumPy or inside a program.

LAPACK does it on the host and for matrices above `OWN_LIMIT`. Inside a program each of its
routines costs a first call about 100 ms (the import of its bindings, and a kernel of its own), so
small matrices are inverted by a loop of one fused kernel.
"""

from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from trustfit import _lax_numpy as lnp
from trustfit._values import Value, array_of, unwrap, wrap

OWN_LIMIT = 16
"""The largest n for which a program holds its own inversion."""


class Inverse(NamedTuple):
    """The inverse of a matrix and the smallest pivot met; NaN or not positive where singular."""

    matrix: Any
    pivot: Any


def norm(xp: ModuleType, v: Any) -> Any:
    """Return the Euclidean length of a vector."""
    return xp.sqrt(xp.sum(v**2))


def invert_positive(xp: ModuleType, B: Any) -> Inverse:
    """Invert a symmetric matrix with unit diagonal, shape (n, n).

    The smallest pivot, that is the smallest squared diagonal element of the Cholesky factor, is
    at most 1, and says how far the columns behind B are from being dependent. It is not positive,
    or NaN, where B is not positive definite to working accuracy; the inverse then means nothing.
    """
    if xp is np:
        return _invert_on_host(B)
    invert = _invert_by_sweeps if len(B) <= OWN_LIMIT else _invert_by_cholesky
    return invert(B) if xp is lnp else unwrap(invert(Value(B)))


def _invert_on_host(B: Any) -> Inverse:
    try:
        L = np.linalg.cholesky(B)
    except np.linalg.LinAlgError:
        return Inverse(np.full_like(B, np.nan), 0.0)
    L_inverse = np.linalg.inv(L)
    return Inverse(L_inverse.T @ L_inverse, np.min(np.diagonal(L)) ** 2)


def _invert_by_cholesky(B: Value) -> Inverse:
    L = jnp.linalg.cholesky(B.array)
    L_inverse = jax.scipy.linalg.solve_triangular(L, jnp.eye(len(L), dtype=L.dtype), lower=True)
    return Inverse(Value(L_inverse.T @ L_inverse), Value(jnp.min(jnp.diagonal(L)) ** 2))


def _invert_by_sweeps(B: Value) -> Inverse:
    """Invert by n sweeps, the pivots of Gauss-Jordan elimination without exchange.

    Positive definite matrices need none: each pivot is the square of one of Cholesky's. A sweep
    keeps the matrix symmetric; n of them leave -B**-1. Source: J. H. Goodnight, "A Tutorial on the
    SWEEP Operator", The American Statistician 33 (3), 1979.
    """
    index = np.arange(len(B), dtype=np.int32)

    def sweep(k: Any, inverse: Inverse) -> Inverse:
        A, smallest = inverse
        here = Value(k) == index
        row = lnp.sum(lnp.where(here[:, None], A, 0.0), axis=0)
        pivot = lnp.sum(lnp.where(here, row, 0.0))
        # With w = row - e_k, A - w w.T / pivot has row / pivot in row and column k.
        w = lnp.where(here, row - 1.0, row)
        swept = lnp.where(here[:, None] & here, -1.0 / pivot, A - w[:, None] * w / pivot)
        return Inverse(swept, lnp.minimum(smallest, pivot))

    start = Inverse(B, lnp.ones((), B.dtype))
    swept, smallest = jax.lax.fori_loop(np.int32(0), np.int32(len(B)), sweep, start)
    return Inverse(-swept, smallest)


def triangle(xp: ModuleType, rows: Any) -> Any:
    """Return R of the QR factorisation of rows, shape (m, k), as a square array (k, k).

    With m < k its last rows are zero.
    """
    k = rows.shape[1]
    if xp is lnp:
        return Value(triangle(jnp, array_of(rows)))
    R = xp.linalg.qr(rows, mode="r")
    if len(R) == k:
        return R
    return xp.concatenate([R, xp.zeros((k - len(R), k), R.dtype)])


def singular_values(xp: ModuleType, A: Any) -> tuple[Any, Any, Any]:
    """Return U, s, V of A = U diag(s) V.T, shape (m, n), m >= n; NaN where A is not finite."""
    if xp is np and not np.all(np.isfinite(A)):  # where NumPy's raises
        m, n = A.shape
        return np.full((m, n), np.nan), np.full(n, np.nan), np.full((n, n), np.nan)
    svd = np.linalg.svd if xp is np else jnp.linalg.svd
    U, s, Vt = svd(array_of(A), full_matrices=False)
    return wrap((U, s, Vt.T)) if xp is lnp else (U, s, Vt.T)
