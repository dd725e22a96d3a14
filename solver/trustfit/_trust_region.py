"""Trust-region subproblems and decisions on arrays of length n. Letters as in `trustfit._trf`."""

from typing import NamedTuple

import numpy as np

from trustfit._types import FloatArray

EPS = float(np.finfo(np.float64).eps)


def _phi_and_derivative(
    alpha: float, suf: FloatArray, s: FloatArray, Delta: float
) -> tuple[float, float]:
    """Return phi(alpha) = ||p(alpha)|| - Delta and its derivative."""
    denominator = s**2 + alpha
    p_norm = np.linalg.norm(suf / denominator)
    return float(p_norm - Delta), float(-np.sum(suf**2 / denominator**3) / p_norm)


def solve_from_svd(
    m: int, uf: FloatArray, s: FloatArray, V: FloatArray, Delta: float, alpha: float
) -> tuple[FloatArray, float]:
    """Minimize ||J_h p_h + f||**2 within ||p_h|| <= Delta, given the SVD of J_h.

    The Gauss-Newton step is the answer where it fits. Otherwise Newton's method looks for the
    Levenberg-Marquardt parameter alpha with ||p_h(alpha)|| = Delta to 1%, in at most ten steps.

    Parameters
    ----------
    m : int
        Number of residuals, for the rank's threshold.
    uf : ndarray, shape (k,)
        U.T f, where k is the number of singular values.
    s : ndarray, shape (k,)
        Singular values, largest first.
    V : ndarray, shape (n, k)
        Right singular vectors as columns.
    Delta : float
        Radius of the trust region.
    alpha : float
        Where to start looking: the previous parameter, 0 where there is none.

    Returns
    -------
    p_h : ndarray, shape (n,)
    alpha : float
        The parameter found; 0 for the Gauss-Newton step.

    References
    ----------
    J. J. Moré, "The Levenberg-Marquardt Algorithm: Implementation and Theory", Lecture Notes in
    Mathematics 630, 1977, section 5.
    """
    suf = s * uf
    full_rank = m >= V.shape[0] and bool(s[-1] > EPS * m * s[0])
    alpha_lower = 0.0
    if full_rank:
        p_h = -V @ (uf / s)
        if np.linalg.norm(p_h) <= Delta:
            return p_h, 0.0
        phi, phi_prime = _phi_and_derivative(0.0, suf, s, Delta)
        alpha_lower = -phi / phi_prime
    alpha_upper = float(np.linalg.norm(suf)) / Delta

    def restart() -> float:
        return max(0.001 * alpha_upper, (alpha_lower * alpha_upper) ** 0.5)

    if not full_rank and alpha == 0:
        alpha = restart()
    for _ in range(10):
        if alpha < alpha_lower or alpha > alpha_upper:
            alpha = restart()
        phi, phi_prime = _phi_and_derivative(alpha, suf, s, Delta)
        if phi < 0:
            alpha_upper = alpha
        ratio = phi / phi_prime
        alpha_lower = max(alpha_lower, alpha - ratio)
        alpha -= (phi + Delta) * ratio / Delta
        if abs(phi) < 0.01 * Delta:
            break
    p_h = -V @ (suf / (s**2 + alpha))
    # The remaining 1% would let the step leave the trust region.
    return p_h * (Delta / np.linalg.norm(p_h)), alpha


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


class Quadratic1d(NamedTuple):
    """The model along a line: a t**2 + b t + c."""

    a: float
    b: float
    c: float


def minimize_quadratic_1d(q: Quadratic1d, low: float, high: float) -> tuple[float, float]:
    """Return where in [low, high] the quadratic is smallest, and its value there."""
    candidates = [low, high]
    if q.a != 0 and low < (extremum := -0.5 * q.b / q.a) < high:
        candidates.append(extremum)
    values = [t * (q.a * t + q.b) + q.c for t in candidates]
    best = int(np.argmin(values))
    return candidates[best], values[best]


def distance_to_region(p_h: FloatArray, r_h: FloatArray, Delta: float) -> float:
    """Return the t >= 0 with ||p_h + t r_h|| = Delta, for p_h inside."""
    a, b = np.dot(r_h, r_h), np.dot(p_h, r_h)
    c = min(np.dot(p_h, p_h) - Delta**2, 0.0)  # rounding may put p_h a hair outside
    # The root without cancellation: Press et al., "Numerical Recipes", section 5.6.
    q = -(b + np.copysign(np.sqrt(b * b - a * c), b))
    return float(max(q / a, c / q)) if q != 0 else 0.0


def update_radius(
    Delta: float, actual: float, predicted: float, step_h_norm: float
) -> tuple[float, float]:
    """Return the next radius and the ratio of the actual to the predicted reduction."""
    ratio = 1.0 if predicted == actual == 0 else 0.0
    if predicted > 0:
        ratio = actual / predicted
    if ratio < 0.25:
        return 0.25 * step_h_norm, ratio
    if ratio > 0.75 and step_h_norm > 0.95 * Delta:
        return 2.0 * Delta, ratio
    return Delta, ratio


class Tolerances(NamedTuple):
    """Relative tolerances on cost and x, and the absolute one on the gradient; 0 where off."""

    ftol: float
    xtol: float
    gtol: float


def termination_status(
    actual: float, cost: float, step_norm: float, x_norm: float, ratio: float, tol: Tolerances
) -> int | None:
    """Return 2, 3 or 4 when the tolerance on the cost, on x or on both is satisfied."""
    cost_settled = actual < tol.ftol * cost and ratio > 0.25
    x_settled = step_norm < tol.xtol * (tol.xtol + x_norm)
    if cost_settled:
        return 4 if x_settled else 2
    return 3 if x_settled else None
