"""What a caller of MINPACK expects to be told: `infodict` and `ier` as `leastsq` returns them.

Source: J. J. Moré, B. S. Garbow and K. E. Hillstrom, "User Guide for MINPACK-1", Argonne National
Laboratory report ANL-80-74, 1980: subroutines LMDER and QRFAC.
"""

# SciPy's and MINPACK's letters for matrices are capitals, and change from column to column.
# pyright: reportConstantRedefinition=false

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from trustfit._types import FloatArray, NDArray

IER: Mapping[int, int] = MappingProxyType({1: 4, 2: 1, 3: 2, 4: 3})
"""MINPACK's number for each of TRF's successful statuses: 1 is the cost's tolerance, 2 that of x,
3 both, 4 the gradient's."""


def factorise(J: FloatArray, f: FloatArray) -> tuple[FloatArray, NDArray[np.int32], FloatArray]:
    """Factorise J P = Q R by Householder reflections, exchanging columns, as QRFAC does.

    Parameters
    ----------
    J : ndarray, shape (m, n)
        The Jacobian; m >= n.
    f : ndarray, shape (m,)
        The residuals.

    Returns
    -------
    fjac : ndarray, shape (n, m)
        Transposed: R in and above the diagonal, and below it the vectors of the reflections, each
        scaled so that its leading element is half the square of its length.
    ipvt : ndarray of int32, shape (n,)
        Column j of P is column ipvt[j] of the identity; the diagonal of R falls in magnitude.
    qtf : ndarray, shape (n,)
        The first n elements of Q.T f.
    """
    A, qtf = np.array(J, dtype=np.float64), np.array(f, dtype=np.float64)
    n = A.shape[1]
    ipvt = np.arange(n, dtype=np.int32)
    diagonal = np.zeros(n)
    for j in range(n):
        longest = j + int(np.argmax(np.linalg.norm(A[j:, j:], axis=0)))
        A[:, [j, longest]] = A[:, [longest, j]]
        ipvt[[j, longest]] = ipvt[[longest, j]]
        length = float(np.linalg.norm(A[j:, j]))
        if length == 0:
            continue
        signed = np.copysign(length, A[j, j])
        u = A[j:, j] / signed
        u[0] += 1
        for later in (A[j:, j + 1 :], qtf[j:]):
            later -= np.multiply.outer(u, u @ later) / u[0]
        A[j:, j] = u
        diagonal[j] = -signed
    A[np.arange(n), np.arange(n)] = diagonal
    return np.ascontiguousarray(A.T), ipvt, qtf[:n].copy()


def infodict(f: FloatArray, J: FloatArray, nfev: int, njev: int | None) -> dict[str, Any]:
    """Return what `leastsq` calls `infodict`, of the solution itself.

    MINPACK's own `fjac` and `qtf` belong to the point before its last step.

    Parameters
    ----------
    f : ndarray, shape (m,)
        The weighted residuals at the solution.
    J : ndarray, shape (m, n)
        The Jacobian there.
    nfev, njev : int
        Evaluations; `njev` is None where the caller gave no Jacobian, and then left out.
    """
    fjac, ipvt, qtf = factorise(J, f)
    counts = {"nfev": nfev} if njev is None else {"nfev": nfev, "njev": njev}
    return {"fvec": f, **counts, "fjac": fjac, "ipvt": ipvt, "qtf": qtf}
