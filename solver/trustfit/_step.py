"""From the trust-region step to the point that is tried. Letters as in `trustfit._trf`."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from trustfit._algebra import norm
from trustfit._bounds import Bounds, inside, step_to_bound, strictly_feasible
from trustfit._local_model import LocalModel
from trustfit._scaling import Scaling


class Range(NamedTuple):
    """How far a direction may be followed; empty if low > high."""

    low: Any
    high: Any


class TrialStep(NamedTuple):
    """The point to try, the reduction the model predicts there, ||step|| and ||step_h||.

    `cut` says that a bound kept the trust-region step from being taken as it is.
    """

    x: Any
    predicted: Any
    step_norm: Any
    step_h_norm: Any
    cut: Any


def least(xp: ModuleType, candidates: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return the candidate (t, value) of the least value, elementwise: the first of equals or NaN.

    It compares, as the lowering of `argmin` asks for integers that a program in single precision
    around this one may not have.
    """
    (best, value), *others = candidates
    for t, other in others:
        better = ((other < value) | xp.isnan(other)) & ~xp.isnan(value)
        best, value = xp.where(better, t, best), xp.where(better, other, value)
    return best, value


def minimize_quadratic_1d(xp: ModuleType, a: Any, b: Any, c: Any, along: Range) -> tuple[Any, Any]:
    """Return where in each range a t**2 + b t + c is smallest, and its value there.

    Every array has shape (k,): a quadratic each. The value is infinite where the range is empty.
    """
    low, high = along
    extremum = -0.5 * b / xp.where(a == 0, xp.nan, a)  # NaN is not between the ends
    between = (low < extremum) & (extremum < high)
    candidates = (low, high, xp.where(between, extremum, low))
    t, values = least(xp, [(t, t * (a * t + b) + c) for t in candidates])
    return t, xp.where(low <= high, values, xp.inf)


def distance_to_region(xp: ModuleType, p_h: Any, r_h: Any, Delta: Any) -> Any:
    """Return the t >= 0 with ||p_h + t r_h|| = Delta, for p_h inside."""
    a, b = xp.sum(r_h**2), xp.sum(p_h * r_h)
    c = xp.minimum(xp.sum(p_h**2) - Delta**2, 0.0)  # rounding may put p_h a hair outside
    # The root without cancellation: Press et al., "Numerical Recipes", section 5.6.
    q = -(b + xp.copysign(xp.sqrt(b * b - a * c), b))
    return xp.where(q == 0, 0.0, xp.maximum(q / a, c / xp.where(q == 0, 1.0, q)))


def reflection_range(
    xp: ModuleType, p_h: Any, r_h: Any, p_stride: Any, to_bound: Any, Delta: Any, theta: Any
) -> Range:
    """Return how far the reflected direction r_h may be followed from p_h."""
    to_region = distance_to_region(xp, p_h, r_h, Delta)
    r_stride = xp.minimum(to_bound, to_region)
    high = xp.where(to_bound <= to_region, theta * to_bound, to_region)
    available = r_stride > 0
    low = (1 - theta) * p_stride / xp.where(available, r_stride, 1.0)
    return Range(xp.where(available, low, 0.0), xp.where(available, high, -1.0))


def best_inside(
    xp: ModuleType,
    x: Any,
    p_h: Any,
    local: LocalModel,
    S: Any,
    scaling: Scaling,
    Delta: Any,
    bounds: Bounds,
) -> tuple[Any, Any]:
    """Return the best of the gradient, the truncated and the reflected step, and its value.

    References
    ----------
    Branch, Coleman and Li (1999), section 3.
    """
    d, _, g_h, g_norm = scaling
    theta = xp.maximum(0.995, 1 - g_norm)
    p_stride, hits = step_to_bound(xp, x, d * p_h, bounds)
    r_h = xp.where(hits, -p_h, p_h)
    p_h = p_stride * p_h
    ag_h = -g_h
    # All that any number of evaluations along the three directions needs.
    directions = xp.stack([ag_h, p_h, r_h], axis=1)
    B, b = local.restrict(S, directions), directions.T @ g_h

    to_region = Delta / norm(xp, ag_h)
    to_bound, _ = step_to_bound(xp, x, d * ag_h, bounds)
    ag_high = xp.where(to_bound < to_region, theta * to_bound, to_region)
    to_bound, _ = step_to_bound(xp, x + d * p_h, d * r_h, bounds)
    along_r = reflection_range(xp, p_h, r_h, p_stride, to_bound, Delta, theta)

    # Three lines: t ag_h; theta p_h, a range of one point; p_h + t r_h.
    zero = xp.zeros_like(theta)
    t, values = minimize_quadratic_1d(
        xp,
        0.5 * xp.diagonal(B),
        xp.stack([b[0], b[1], b[2] + B[1, 2]]),
        xp.stack([zero, zero, 0.5 * B[1, 1] + b[1]]),
        Range(xp.stack([zero, theta, along_r.low]), xp.stack([ag_high, theta, along_r.high])),
    )
    steps = (t[0] * ag_h, t[1] * p_h, p_h + t[2] * r_h)
    return least(xp, list(zip(steps, values, strict=True)))


def trial_step(
    xp: ModuleType,
    x: Any,
    p_h: Any,
    local: LocalModel,
    S: Any,
    scaling: Scaling,
    Delta: Any,
    bounds: Bounds | None,
) -> TrialStep:
    """Bring the trust-region step inside the bounds and take it.

    Parameters
    ----------
    xp : module
        `numpy` or `trustfit._lax_numpy`.
    x : array, shape (n,)
        Where the step starts, strictly inside the bounds.
    p_h : array, shape (n,)
        The trust-region step in scaled space.
    local, S : LocalModel and what its `scaled` returned
        The quadratic model at x.
    scaling : Scaling
        The scaled space at x.
    Delta : float
        Radius of the trust region.
    bounds : Bounds or None
        The bounds, if there are any.

    Returns
    -------
    TrialStep
        Its `x` lies strictly inside the bounds, and is the old one where the step is not a number.
    """
    B = local.restrict(S, p_h[:, None])
    step_h, value = p_h, 0.5 * B[0, 0] + xp.sum(scaling.g_h * p_h)
    fits = xp.ones((), bool)
    if bounds is not None:
        fits = inside(xp, x + scaling.d * p_h, bounds)
        other_h, other = best_inside(xp, x, p_h, local, S, scaling, Delta, bounds)
        step_h, value = xp.where(fits, step_h, other_h), xp.where(fits, value, other)
    step = scaling.d * step_h
    x_new = x + step
    if bounds is not None:
        x_new = strictly_feasible(xp, x_new, bounds, rstep=0)
    x_new = xp.where(xp.any(xp.isnan(x_new)), x, x_new)
    return TrialStep(x_new, -value, norm(xp, step), norm(xp, step_h), ~fits)
