"""The iterative trust-region solver: the plane of the gradient and the Gauss-Newton step."""

from collections.abc import Mapping
from typing import Any

import numpy as np

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
        # Along -g_h the model is a t**2 - b t; its least value within the region, at t:
        a, b = 0.5 * (J_g @ J_g + (g_h * diag_h) @ g_h), g_h @ g_h
        t = Delta / np.sqrt(b)
        if 0.5 * b < a * t:
            t = 0.5 * b / a
        regularization = -t * (a * t - b) / Delta**2

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


def solve_in_subspace(B: FloatArray, g: FloatArray, Delta: float) -> FloatArray:
    """Minimize 0.5 p.T B p + g.T p within ||p|| <= Delta in one or two dimensions.

    On the boundary p = Delta (2 t, 1 - t**2) / (1 + t**2), and the stationary points are the real
    roots of a polynomial of degree four in t.
    """
    try:
        np.linalg.cholesky(B)
    except np.linalg.LinAlgError:
        pass
    else:
        p = np.array(-np.linalg.solve(B, g), np.float64)
        if np.dot(p, p) <= Delta**2:
            return p
    if len(g) == 1:
        return np.array([-Delta if g[0] > 0 else Delta])
    a, b, c = np.array([B[0, 0], B[0, 1], B[1, 1]]) * Delta**2
    d, e = g * Delta
    roots = np.roots([-b + d, 2 * (a - c + e), 6 * b, 2 * (-a + c + e), -b - d])
    t = roots[np.isreal(roots)].real.astype(np.float64)
    p = Delta * np.stack([2 * t, 1 - t**2]) / (1 + t**2)
    return p[:, np.argmin(0.5 * np.sum(p * (B @ p), axis=0) + g @ p)]
