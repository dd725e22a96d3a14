"""From the trust-region step to the point that is tried. Letters as in `trustfit._trf`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from trustfit._bounds import Bounds, inside, step_to_bound, strictly_feasible
from trustfit._kernels import Scaling


class Range(NamedTuple):
    """How far a direction may be followed; empty if low > high."""

    low: jax.Array
    high: jax.Array


class QuadraticForm(NamedTuple):
    """The model on the span of k directions: 0.5 t.T B t + b.T t at the coordinates t."""

    B: jax.Array
    b: jax.Array


def restrict_quadratic(J_h: jax.Array, scaling: Scaling, directions: jax.Array) -> QuadraticForm:
    """Return the model on the span of the directions, the columns of shape (n, k).

    All that any number of evaluations along them needs comes from one product with J_h.
    """
    J_s = J_h @ directions
    B = J_s.T @ J_s + directions.T @ (scaling.diag_h[:, None] * directions)
    return QuadraticForm(B, directions.T @ scaling.g_h)


def minimize_quadratic_1d(
    a: jax.Array, b: jax.Array, c: jax.Array, along: Range
) -> tuple[jax.Array, jax.Array]:
    """Return where in each range a t**2 + b t + c is smallest, and its value there.

    Every array has shape (k,): a quadratic each. The value is infinite where the range is empty.
    """
    low, high = along
    extremum = -0.5 * b / a  # not finite for a = 0, and so not between the ends
    between = (low < extremum) & (extremum < high)
    t = jnp.stack([low, high, jnp.where(between, extremum, low)])
    values = t * (a * t + b) + c
    best = jnp.argmin(values, axis=0)[None]
    t, values = (jnp.take_along_axis(v, best, axis=0)[0] for v in (t, values))
    return t, jnp.where(low <= high, values, jnp.inf)


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
def trial_step(
    x: jax.Array,
    p_h: jax.Array,
    J_h: jax.Array,
    scaling: Scaling,
    Delta: float,
    bounds: Bounds | None,
) -> tuple[jax.Array, jax.Array]:
    """Bring the trust-region step inside the bounds and take it.

    Parameters
    ----------
    x : jax.Array, shape (n,)
        Where the step starts, strictly inside the bounds.
    p_h : jax.Array, shape (n,)
        The trust-region step in scaled space.
    J_h : jax.Array, shape (m, n)
        The scaled Jacobian.
    scaling : Scaling
        The scaled space at x.
    Delta : float
        Radius of the trust region.
    bounds : Bounds or None
        The bounds, if there are any.

    Returns
    -------
    x_new : jax.Array, shape (n,)
        The point to try, strictly inside the bounds; x where the step is not a number.
    decisive : jax.Array, shape (5,)
        The reduction that the model predicts, ||step||, ||step_h||, ||x||, and whether x_new
        differs from x, 1 or 0.
    """

    def whole() -> tuple[jax.Array, jax.Array]:
        B, b = restrict_quadratic(J_h, scaling, p_h[:, None])
        return p_h, 0.5 * B[0, 0] + b[0]

    if bounds is None:
        step_h, value = whole()
    else:
        box = bounds
        step_h, value = jax.lax.cond(
            inside(jnp, x + scaling.d * p_h, box),
            whole,
            lambda: best_inside(x, p_h, J_h, scaling, Delta, box),
        )
    step = scaling.d * step_h
    x_new = x + step
    if bounds is not None:
        x_new = strictly_feasible(jnp, x_new, bounds, rstep=0)
    x_new = jnp.where(jnp.any(jnp.isnan(x_new)), x, x_new)
    norms = (jnp.linalg.norm(v) for v in (step, step_h, x))
    return x_new, jnp.stack([-value, *norms, jnp.any(x_new != x)])


def best_inside(
    x: jax.Array, p_h: jax.Array, J_h: jax.Array, scaling: Scaling, Delta: float, bounds: Bounds
) -> tuple[jax.Array, jax.Array]:
    """Return the best of the gradient, the truncated and the reflected step, and its value.

    References
    ----------
    Branch, Coleman and Li (1999), section 3.
    """
    d, _, g_h, g_norm = scaling
    theta = jnp.maximum(0.995, 1 - g_norm)
    p_stride, hits = step_to_bound(x, d * p_h, bounds)
    r_h = jnp.where(hits, -p_h, p_h)
    p_h = p_stride * p_h
    ag_h = -g_h
    B, b = restrict_quadratic(J_h, scaling, jnp.stack([ag_h, p_h, r_h], axis=1))

    to_region = Delta / jnp.linalg.norm(ag_h)
    to_bound, _ = step_to_bound(x, d * ag_h, bounds)
    ag_high = jnp.where(to_bound < to_region, theta * to_bound, to_region)
    to_bound, _ = step_to_bound(x + d * p_h, d * r_h, bounds)
    along_r = reflection_range(p_h, r_h, p_stride, to_bound, Delta, theta)

    # Three lines: t ag_h; theta p_h, a range of one point; p_h + t r_h.
    zero = jnp.zeros_like(theta)
    t, values = minimize_quadratic_1d(
        0.5 * jnp.diagonal(B),
        jnp.stack([b[0], b[1], b[2] + B[1, 2]]),
        jnp.stack([zero, zero, 0.5 * B[1, 1] + b[1]]),
        Range(jnp.stack([zero, theta, along_r.low]), jnp.stack([ag_high, theta, along_r.high])),
    )
    steps = jnp.stack([t[0] * ag_h, t[1] * p_h, p_h + t[2] * r_h])
    best = jnp.argmin(values)
    return steps[best], values[best]
