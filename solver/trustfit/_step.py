"""The step that is taken when the trust-region step would leave the bounds."""

from typing import NamedTuple, TypeAlias

import jax
import numpy as np

from trustfit import _kernels as kernels
from trustfit._bounds import Bounds, step_to_bound
from trustfit._trust_region import Quadratic1d, distance_to_region, minimize_quadratic_1d
from trustfit._types import FloatArray


class Scaling(NamedTuple):
    """The scaled space at a point: three arrays of shape (n,), and the scaled gradient's norm."""

    d: FloatArray
    diag_h: FloatArray
    g_h: FloatArray
    g_norm: float


class Svd(NamedTuple):
    """J_h on the device, and its singular values s, right vectors V and U.T f."""

    J_h: jax.Array
    s: FloatArray
    V: FloatArray
    uf: FloatArray


class Subspace(NamedTuple):
    """J_h on the device, an orthonormal basis S, shape (n, 2), and the model within it."""

    J_h: jax.Array
    S: FloatArray
    B_S: FloatArray
    g_S: FloatArray


Factors: TypeAlias = Svd | Subspace


def reflection_range(
    p_h: FloatArray,
    r_h: FloatArray,
    p_stride: float,
    to_bound: float,
    Delta: float,
    theta: float,
) -> tuple[float, float]:
    """Return how far the reflected direction may be followed from p_h; empty if low > high."""
    to_region = distance_to_region(p_h, r_h, Delta)
    r_stride = min(to_bound, to_region)
    if r_stride <= 0:
        return 0.0, -1.0
    high = theta * to_bound if r_stride == to_bound else to_region
    return (1 - theta) * p_stride / r_stride, high


def select_step(
    x: FloatArray,
    p_h: FloatArray,
    J_h: jax.Array,
    scaling: Scaling,
    Delta: float,
    bounds: Bounds,
) -> FloatArray:
    """Return the best of the truncated, the reflected and the gradient step, in scaled space.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Where the step starts, strictly inside the bounds.
    p_h : ndarray, shape (n,)
        The trust-region step, which leaves them.
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
    d, diag_h, g_h, g_norm = scaling
    theta = max(0.995, 1 - g_norm)
    p_stride, hits = step_to_bound(x, d * p_h, bounds)
    r_h = np.where(hits, -p_h, p_h)
    p_h = p_stride * p_h

    to_bound, _ = step_to_bound(x + d * p_h, d * r_h, bounds)
    low, high = reflection_range(p_h, r_h, float(p_stride), float(to_bound), Delta, theta)
    r_value = np.inf
    if low <= high:
        r_quadratic = np.array(kernels.build_quadratic_1d(J_h, g_h, diag_h, r_h, p_h))
        r_stride, r_value = minimize_quadratic_1d(Quadratic1d(*r_quadratic), low, high)
        r_h = p_h + r_stride * r_h

    p_h = theta * p_h
    p_value = np.array(kernels.evaluate_quadratic(J_h, g_h, diag_h, p_h))

    ag_h = -g_h
    to_region = Delta / float(np.linalg.norm(ag_h))
    to_bound, _ = step_to_bound(x, d * ag_h, bounds)
    high = theta * float(to_bound) if to_bound < to_region else to_region
    origin = np.zeros_like(ag_h)
    ag_quadratic = np.array(kernels.build_quadratic_1d(J_h, g_h, diag_h, ag_h, origin))
    ag_stride, ag_value = minimize_quadratic_1d(Quadratic1d(*ag_quadratic), 0.0, high)
    ag_h = ag_stride * ag_h

    if p_value < r_value and p_value < ag_value:
        return p_h
    return r_h if r_value < p_value and r_value < ag_value else ag_h
