"""The scaled space at a point: Coleman and Li's distances to the bounds. Letters as in `_trf`."""

from types import ModuleType
from typing import Any, NamedTuple

from trustfit._algebra import norm
from trustfit._bounds import Bounds, coleman_li_scaling

_NO_LENGTH = 1e-8  # beside the typical size of a scaled variable, which is 1


class Scaling(NamedTuple):
    """The scaled space: d, diag_h, g_h of shape (n,), and the scaled gradient's largest element."""

    d: Any
    diag_h: Any
    g_h: Any
    g_norm: Any


def jac_scale(xp: ModuleType, norms: Any, previous: Any, first: Any) -> Any:
    """Return the inverse norms of J's columns, shape (n,), none larger than before.

    At the first point a column of zeros counts as 1.
    """
    at_first = 1 / xp.where(norms == 0, 1.0, norms)
    return xp.where(first, at_first, 1 / xp.maximum(norms, 1 / previous))


def scaling_at(xp: ModuleType, x: Any, g: Any, scale: Any, bounds: Bounds | None) -> Scaling:
    """Return the scaled space at x.

    A variable whose bounds coincide is out of the game: d = 0 makes its column of J_h and its
    gradient vanish, and 1 in `diag_h` keeps the model's matrix regular.
    """
    if bounds is None:
        return Scaling(scale, xp.zeros_like(g), scale * g, xp.max(xp.abs(g)))
    fixed = bounds.lb == bounds.ub
    v, dv = coleman_li_scaling(xp, x, g, bounds)
    g_norm = xp.max(xp.where(fixed, 0.0, xp.abs(g * v)))
    v = xp.where(dv != 0, v / scale, v)
    d = xp.where(fixed, 0.0, xp.sqrt(v) * scale)
    return Scaling(d, xp.where(fixed, 1.0, g * dv * scale), d * g, g_norm)


def initial_radius(xp: ModuleType, x: Any, d: Any) -> Any:
    """Return the length of x in the scaled space, 1 for x = 0 or as good as 0.

    SciPy takes 1 for 0 only. But steps within a region of 1e-9, say, do not move the cost by more
    than tolerances or rounding, and end a solve where it began: from 0, too, if that is a bound and
    the start was moved off it. A region that is too large costs a refused step.
    """
    x_h = xp.where(d > 0, x / xp.where(d > 0, d, 1.0), 0.0)
    length = norm(xp, x_h)
    return xp.where(length < _NO_LENGTH, 1.0, length)
