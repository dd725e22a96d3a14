"""The exact trust-region subproblem, and the decisions that follow a trial step.

Letters as in `trustfit._trf`.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

EPS = float(np.finfo(np.float64).eps)
EXHAUSTED = -4
"""Status of a solve whose trust region has become too small to change x."""

_SMALLEST_RADIUS = 1e-150  # squares of smaller ones underflow float64


class _Search(NamedTuple):
    """Newton's search for alpha, which lies between `lower` and `upper`."""

    alpha: jax.Array
    lower: jax.Array
    upper: jax.Array
    iteration: jax.Array
    found: jax.Array


def _search_alpha(
    suf: jax.Array, s: jax.Array, Delta: float, alpha: jax.Array, full_rank: jax.Array
) -> jax.Array:
    def phi_and_derivative(alpha: jax.Array | float) -> tuple[jax.Array, jax.Array]:
        """Return phi(alpha) = ||p(alpha)|| - Delta and its derivative."""
        denominator = s**2 + alpha
        p_norm = jnp.linalg.norm(suf / denominator)
        return p_norm - Delta, -jnp.sum(suf**2 / denominator**3) / p_norm

    def restart(lower: jax.Array, upper: jax.Array) -> jax.Array:
        return jnp.maximum(0.001 * upper, jnp.sqrt(lower * upper))

    def improve(search: _Search) -> _Search:
        alpha, lower, upper, iteration, _ = search
        alpha = jnp.where((alpha < lower) | (alpha > upper), restart(lower, upper), alpha)
        phi, phi_prime = phi_and_derivative(alpha)
        ratio = phi / phi_prime
        return _Search(
            alpha - (phi + Delta) * ratio / Delta,
            jnp.maximum(lower, alpha - ratio),
            jnp.where(phi < 0, alpha, upper),
            iteration + 1,
            jnp.abs(phi) < 0.01 * Delta,
        )

    phi, phi_prime = phi_and_derivative(0.0)
    lower = jnp.where(full_rank, -phi / phi_prime, 0.0)
    upper = jnp.linalg.norm(suf) / Delta
    start = jnp.where(~full_rank & (alpha == 0), restart(lower, upper), alpha)
    search = _Search(start, lower, upper, jnp.array(0), jnp.array(False))
    return jax.lax.while_loop(lambda it: (it.iteration < 10) & ~it.found, improve, search).alpha


@partial(jax.jit, static_argnames="m")
def solve_from_svd(
    m: int,
    uf: jax.Array,
    s: jax.Array,
    V: jax.Array,
    Delta: float,
    alpha: jax.Array,
    shrinkage: float,
) -> tuple[jax.Array, jax.Array]:
    """Minimize ||J_h p_h + f||**2 within ||p_h|| <= Delta, given the SVD of J_h.

    The Gauss-Newton step is the answer where it fits. Otherwise Newton's method looks for the
    Levenberg-Marquardt parameter alpha with ||p_h(alpha)|| = Delta to 1%, in at most ten steps.

    Parameters
    ----------
    m : int
        Number of residuals, for the rank's threshold.
    uf : jax.Array, shape (k,)
        U.T f, where k is the number of singular values.
    s : jax.Array, shape (k,)
        Singular values, largest first.
    V : jax.Array, shape (n, k)
        Right singular vectors as columns.
    Delta : float
        Radius of the trust region.
    alpha : jax.Array, shape ()
        The parameter found last, 0 where there is none.
    shrinkage : float
        Its radius divided by this one. The search starts from alpha times that.

    Returns
    -------
    p_h : jax.Array, shape (n,)
    alpha : jax.Array, shape ()
        The parameter found; 0 for the Gauss-Newton step.

    References
    ----------
    J. J. Moré, "The Levenberg-Marquardt Algorithm: Implementation and Theory", Lecture Notes in
    Mathematics 630, 1977, section 5.
    """
    suf = s * uf
    full_rank = (m >= V.shape[0]) & (s[-1] > EPS * m * s[0])
    gauss_newton = -V @ (uf / jnp.where(full_rank, s, 1.0))

    def on_the_boundary() -> tuple[jax.Array, jax.Array]:
        found = _search_alpha(suf, s, Delta, alpha * shrinkage, full_rank)
        p_h = -V @ (suf / (s**2 + found))
        # The remaining 1% would let the step leave the trust region.
        return p_h * (Delta / jnp.linalg.norm(p_h)), found

    fits = full_rank & (jnp.linalg.norm(gauss_newton) <= Delta)
    return jax.lax.cond(fits, lambda: (gauss_newton, jnp.zeros_like(alpha)), on_the_boundary)


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


def is_exhausted(Delta: float, actual: float, moved: bool) -> bool:
    """Return whether no further step is worth trying.

    So it is where Delta has vanished or is NaN, and where a rejected step left x as it was.
    """
    return not Delta > _SMALLEST_RADIUS or (actual <= 0 and not moved)
