"""Bringing a trust-region step inside the bounds. Letters as in `trustfit._trf`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from trustfit._bounds import Bounds, inside, step_to_bound
from trustfit._kernels import Scaling, evaluate_quadratic


class Quadratic1d(NamedTuple):
    """The model along a line: a t**2 + b t + c."""

    a: jax.Array
    b: jax.Array
    c: jax.Array


class Range(NamedTuple):
    """How far a direction may be followed; empty if low > high."""

    low: jax.Array
    high: jax.Array


def build_quadratic_1d(
    J_h: jax.Array, scaling: Scaling, s_h: jax.Array, s0_h: jax.Array
) -> Quadratic1d:
    """Return the model along s0_h + t s_h."""
    _, diag_h, g_h, _ = scaling
    J_s, J_s0 = J_h @ s_h, J_h @ s0_h
    a = 0.5 * (jnp.dot(J_s, J_s) + jnp.dot(diag_h * s_h, s_h))
    b = jnp.dot(g_h, s_h) + jnp.dot(J_s0, J_s) + jnp.dot(diag_h * s0_h, s_h)
    c = 0.5 * (jnp.dot(J_s0, J_s0) + jnp.dot(diag_h * s0_h, s0_h)) + jnp.dot(g_h, s0_h)
    return Quadratic1d(a, b, c)


def minimize_quadratic_1d(q: Quadratic1d, along: Range) -> tuple[jax.Array, jax.Array]:
    """Return where in the range the quadratic is smallest, and its value there."""
    low, high = along
    extremum = -0.5 * q.b / q.a  # not finite for a = 0, and so not between the ends
    between = (low < extremum) & (extremum < high)
    t = jnp.stack([low, high, jnp.where(between, extremum, low)])
    values = t * (q.a * t + q.b) + q.c
    best = jnp.argmin(values)
    return t[best], values[best]


def distance_to_region(p_h: jax.Array, r_h: jax.Array, Delta: float) -> jax.Array:
    """Return the t >= 0 with ||p_h + t r_h|| = Delta, for p_h inside."""
    a, b = jnp.dot(r_h, r_h), jnp.dot(p_h, r_h)
    c = jnp.minimum(jnp.dot(p_h, p_h) - Delta**2, 0.0)  # rounding may put p_h a hair outside
    # The root without cancellation: Press et al., "Numerical Recipes", section 5.6.
    q = -(b + jnp.copysign(jnp.sqrt(b * b - a * c), b))
    return jnp.where(q == 0, 0.0, jnp.maximum(q / a, c / q))


def reflection_range(
    p_h: jax.Array,
    r_h: jax.Array,
    p_stride: jax.Array,
    to_bound: jax.Array,
    Delta: float,
    theta: jax.Array,
) -> Range:
    """Return how far the reflected direction r_h may be followed from p_h."""
    to_region = distance_to_region(p_h, r_h, Delta)
    r_stride = jnp.minimum(to_bound, to_region)
    high = jnp.where(to_bound <= to_region, theta * to_bound, to_region)
    available = r_stride > 0
    return Range(
        jnp.where(available, (1 - theta) * p_stride / r_stride, 0.0),
        jnp.where(available, high, -1.0),
    )


@jax.jit
def select_step(
    x: jax.Array, p_h: jax.Array, J_h: jax.Array, scaling: Scaling, Delta: float, bounds: Bounds
) -> jax.Array:
    """Return p_h if it stays within the bounds, else the best step that does, in scaled space.

    Parameters
    ----------
    x : jax.Array, shape (n,)
        Where the step starts, strictly inside the bounds.
    p_h : jax.Array, shape (n,)
        The trust-region step.
    J_h : jax.Array, shape (m, n)
        The scaled Jacobian.
    scaling : Scaling
        The scaled space at x.
    Delta : float
        Radius of the trust region.
    bounds : Bounds
        The bounds.

    References
    ----------
    Branch, Coleman and Li (1999), section 3.
    """
    within = inside(jnp, x + scaling.d * p_h, bounds)
    return jax.lax.cond(
        within, lambda: p_h, lambda: _best_inside(x, p_h, J_h, scaling, Delta, bounds)
    )


def _best_inside(
    x: jax.Array, p_h: jax.Array, J_h: jax.Array, scaling: Scaling, Delta: float, bounds: Bounds
) -> jax.Array:
    """Return the best of the truncated, the reflected and the gradient step."""
    d, _, g_h, g_norm = scaling
    theta = jnp.maximum(0.995, 1 - g_norm)
    p_stride, hits = step_to_bound(x, d * p_h, bounds)
    r_h = jnp.where(hits, -p_h, p_h)
    p_h = p_stride * p_h

    to_bound, _ = step_to_bound(x + d * p_h, d * r_h, bounds)
    along_r = reflection_range(p_h, r_h, p_stride, to_bound, Delta, theta)
    r_quadratic = build_quadratic_1d(J_h, scaling, r_h, p_h)
    r_stride, r_value = minimize_quadratic_1d(r_quadratic, along_r)
    r_value = jnp.where(along_r.low <= along_r.high, r_value, jnp.inf)
    r_h = p_h + r_stride * r_h

    p_h = theta * p_h
    p_value = evaluate_quadratic(J_h, scaling, p_h)

    ag_h = -g_h
    to_region = Delta / jnp.linalg.norm(ag_h)
    to_bound, _ = step_to_bound(x, d * ag_h, bounds)
    high = jnp.where(to_bound < to_region, theta * to_bound, to_region)
    ag_quadratic = build_quadratic_1d(J_h, scaling, ag_h, jnp.zeros_like(ag_h))
    along_ag = Range(jnp.zeros_like(high), high)
    ag_stride, ag_value = minimize_quadratic_1d(ag_quadratic, along_ag)
    ag_h = ag_stride * ag_h

    p_best = (p_value < r_value) & (p_value < ag_value)
    r_best = (r_value < p_value) & (r_value < ag_value)
    return jnp.where(p_best, p_h, jnp.where(r_best, r_h, ag_h))
