"""Box constraints: distances to them, Coleman-Li scaling, feasibility. Arrays of length n.

Functions that take `xp` run on the host with `numpy`, or inside a program with `jax.numpy` or
`trustfit._lax_numpy`.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from trustfit._types import FloatArray


class Bounds(NamedTuple):
    """Lower and upper bounds, both of shape (n,); infinite where there is none."""

    lb: FloatArray
    ub: FloatArray

    @property
    def absent(self) -> bool:
        """Whether no variable is bounded."""
        return bool(np.all(np.isneginf(self.lb)) and np.all(np.isposinf(self.ub)))


def inside(xp: ModuleType, x: Any, bounds: Bounds) -> Any:
    """Return whether x lies within the bounds or on them."""
    return xp.all((x >= bounds.lb) & (x <= bounds.ub))


def feasible_start(bounds: Bounds) -> FloatArray:
    """Return ones, or with bounds their middle, or 1 inside the only one (on the host)."""
    lb, ub = bounds
    lower, upper = np.isfinite(lb), np.isfinite(ub)
    start = np.ones_like(lb)
    both, only_lower, only_upper = lower & upper, lower & ~upper, ~lower & upper
    start[both] = 0.5 * (lb[both] + ub[both])
    start[only_lower] = lb[only_lower] + 1
    start[only_upper] = ub[only_upper] - 1
    return start


def coleman_li_scaling(xp: ModuleType, x: Any, g: Any, bounds: Bounds) -> tuple[Any, Any]:
    """Return v, the distances to the bounds that -g points at (1 without one), and dv/dx."""
    to_upper = (g < 0) & xp.isfinite(bounds.ub)
    to_lower = (g > 0) & xp.isfinite(bounds.lb)
    v = xp.where(to_upper, bounds.ub - x, xp.where(to_lower, x - bounds.lb, 1.0))
    return v, to_lower.astype(v.dtype) - to_upper.astype(v.dtype)


def step_to_bound(xp: ModuleType, x: Any, s: Any, bounds: Bounds) -> tuple[Any, Any]:
    """Return the smallest t >= 0 with x + t s on a bound, and which variables are then on it."""
    moving = xp.where(s == 0, 1.0, s)
    t = xp.maximum((bounds.lb - x) / moving, (bounds.ub - x) / moving)
    t = xp.where(s == 0, xp.inf, t)
    smallest = xp.min(t)
    return smallest, (t == smallest) & (s != 0)


def active_constraints(xp: ModuleType, x: Any, bounds: Bounds, rtol: float) -> Any:
    """Return -1 where the lower bound is active at x, 1 where the upper one is, 0 elsewhere.

    A bound is active within `rtol` of it, relative to its magnitude or 1; with `rtol` 0, on it.
    """
    lb, ub = bounds
    if rtol == 0:
        return xp.where(x >= ub, 1, xp.where(x <= lb, -1, 0))
    to_lower, to_upper = x - lb, ub - x
    near_lower = xp.minimum(to_upper, rtol * xp.maximum(1, xp.abs(lb)))
    near_upper = xp.minimum(to_lower, rtol * xp.maximum(1, xp.abs(ub)))
    lower = xp.isfinite(lb) & (to_lower <= near_lower)
    upper = xp.isfinite(ub) & (to_upper <= near_upper)
    return xp.where(upper, 1, xp.where(lower, -1, 0))


def strictly_feasible(xp: ModuleType, x: Any, bounds: Bounds, rstep: float) -> Any:
    """Move x off the bounds by `rstep`, relative to them or 1; with 0, to the next float."""
    lb, ub = bounds
    if rstep > 0:
        rstep = max(rstep, 4 * float(np.finfo(x.dtype).eps))
    active = active_constraints(xp, x, bounds, rstep)
    with np.errstate(invalid="ignore"):  # an infinite bound is never active
        if rstep == 0:
            above, below = xp.nextafter(lb, ub), xp.nextafter(ub, lb)
        else:
            above = lb + rstep * xp.maximum(1, xp.abs(lb))
            below = ub - rstep * xp.maximum(1, xp.abs(ub))
        middle = 0.5 * (lb + ub)
    moved = xp.where(active == -1, above, xp.where(active == 1, below, x))
    # Bounds closer together than the shift: only their middle is inside both.
    return xp.where((moved < lb) | (moved > ub), middle, moved)
