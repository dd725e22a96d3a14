"""Box constraints: distances to them, Coleman-Li scaling, feasibility. Arrays of length n."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trustfit._types import FloatArray


class Bounds(NamedTuple):
    """Lower and upper bounds, both of shape (n,); infinite where there is none."""

    lb: FloatArray
    ub: FloatArray

    @property
    def absent(self) -> bool:
        """Whether no variable is bounded."""
        return bool(np.all(np.isneginf(self.lb)) and np.all(np.isposinf(self.ub)))

    def contain(self, x: FloatArray) -> bool:
        """Whether x lies within the bounds or on them."""
        return bool(np.all((x >= self.lb) & (x <= self.ub)))


def coleman_li_scaling(
    x: FloatArray, g: FloatArray, bounds: Bounds
) -> tuple[FloatArray, FloatArray]:
    """Return v, the distances to the bounds that -g points at (1 without one), and dv/dx."""
    to_upper = (g < 0) & np.isfinite(bounds.ub)
    to_lower = (g > 0) & np.isfinite(bounds.lb)
    v = np.where(to_upper, bounds.ub - x, np.where(to_lower, x - bounds.lb, 1.0))
    dv = to_lower.astype(float) - to_upper.astype(float)
    return v, dv


def step_to_bound(
    x: FloatArray, s: FloatArray, bounds: Bounds
) -> tuple[np.float64, NDArray[np.bool_]]:
    """Return the smallest t >= 0 with x + t s on a bound, and which variables are then on it."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t = np.where(s == 0, np.inf, np.maximum((bounds.lb - x) / s, (bounds.ub - x) / s))
    smallest = np.min(t)
    return smallest, (t == smallest) & (s != 0)


def active_constraints(x: FloatArray, bounds: Bounds, rtol: float) -> NDArray[np.int_]:
    """Return -1 where the lower bound is active at x, 1 where the upper one is, 0 elsewhere.

    A bound is active within `rtol` of it, relative to its magnitude or 1; with `rtol` 0, on it.
    """
    lb, ub = bounds
    if rtol == 0:
        return np.where(x >= ub, 1, np.where(x <= lb, -1, 0))
    to_lower, to_upper = x - lb, ub - x
    near_lower = np.minimum(to_upper, rtol * np.maximum(1, np.abs(lb)))
    near_upper = np.minimum(to_lower, rtol * np.maximum(1, np.abs(ub)))
    lower = np.isfinite(lb) & (to_lower <= near_lower)
    upper = np.isfinite(ub) & (to_upper <= near_upper)
    return np.where(upper, 1, np.where(lower, -1, 0))


def strictly_feasible(x: FloatArray, bounds: Bounds, rstep: float) -> FloatArray:
    """Move x off the bounds by `rstep`, relative to them or 1; with 0, to the next float."""
    lb, ub = bounds
    active = active_constraints(x, bounds, rstep)
    if rstep == 0:
        above, below = np.nextafter(lb, ub), np.nextafter(ub, lb)
    else:
        with np.errstate(invalid="ignore"):  # an infinite bound is never active
            above = lb + rstep * np.maximum(1, np.abs(lb))
            below = ub - rstep * np.maximum(1, np.abs(ub))
    moved = np.where(active == -1, above, np.where(active == 1, below, x))
    # Bounds closer together than the shift: only their middle is inside both.
    outside = (moved < lb) | (moved > ub)
    moved[outside] = 0.5 * (lb[outside] + ub[outside])
    return moved
