"""The iterative trust-region solver: the plane of the gradient and the Gauss-Newton step."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trustfit._trust_region import Quadratic1d, minimize_quadratic_1d
from trustfit._types import FloatArray


def gauss_newton_subspace(
    J_h: FloatArray,
    f: FloatArray,
    g_h: FloatArray,
    diag_h: FloatArray,
    Delta: float,
    bounded: bool,
    tr_options: Mapping[str, Any],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a basis S of the plane of g_h and the Gauss-Newton step, and the model within it.

    The Gauss-Newton step comes from SciPy's `lsmr`, which only multiplies by J_h and its
    transpose. Unless ``tr_options["regularize"]`` is false, the system is regularized by the
    reduction that the gradient step promises, divided by Delta**2.

    Parameters
    ----------
    J_h : ndarray, shape (m, n)
        The scaled Jacobian.
    f : ndarray, shape (m,)
        Residuals.
    g_h, diag_h : ndarray, shape (n,)
        The scaled gradient, and the diagonal that the bounds add to J_h.T J_h.
    Delta : float
        Radius of the trust region.
    bounded : bool
        Whether there are bounds: then diag_h and the regularization stand below J_h as rows.
    tr_options : mapping
        "regularize", and the options of `scipy.sparse.linalg.lsmr`.

    Returns
    -------
    S : ndarray, shape (n, 2) (or (1, 1) for one variable)
        Orthonormal columns.
    B_S, g_S : ndarray, shape (2, 2) and (2,)
        The model's Hessian and gradient in the coordinates of S.

    References
    ----------
    D. C.-L. Fong and M. Saunders, "LSMR: An Iterative Algorithm for Sparse Least-Squares
    Problems", SIAM J. Sci. Comput. 33 (5), 2011.
    """
    from scipy.sparse.linalg import lsmr  # only this path needs SciPy

    options = dict(tr_options)
    regularization = 0.0
    if options.pop("regularize", True):
        J_g = J_h @ g_h
        a, b = 0.5 * (J_g @ J_g + (g_h * diag_h) @ g_h), -(g_h @ g_h)
        line = Quadratic1d(float(a), float(b), 0.0)
        _, value = minimize_quadratic_1d(line, 0.0, Delta / float(np.linalg.norm(g_h)))
        regularization = -value / Delta**2

    if bounded:
        rows = np.diag(np.sqrt(diag_h + regularization))
        f_augmented = np.concatenate([f, np.zeros(len(g_h))])
        gn_h: FloatArray = lsmr(np.concatenate([J_h, rows]), f_augmented, **options)[0]
    else:
        damp = float(np.sqrt(options.pop("damp", 0.0) ** 2 + regularization))
        gn_h = lsmr(J_h, f, damp=damp, **options)[0]

    S, _ = np.linalg.qr(np.stack([g_h, gn_h], axis=1))
    J_S = J_h @ S
    return S, J_S.T @ J_S + (S.T * diag_h) @ S, S.T @ g_h
