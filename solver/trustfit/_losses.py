"""Robust losses rho(z) of the squared residual z = (f / f_scale)**2.

The cost is 0.5 * f_scale**2 * sum(rho(z)). Its gradient is J.T @ (rho' f), and dropping the terms
that need second derivatives of f leaves the Hessian J.T @ diag(rho' + 2 rho'' f**2 / f_scale**2)
@ J. So a loss is a scaling of J and f, after which the problem is an ordinary one. Source:
B. Triggs et al., "Bundle Adjustment - A Modern Synthesis", 1999, section 4.3, with SciPy's guard.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, TypeAlias

from trustfit._types import Loss

Rho: TypeAlias = tuple[Any, Any, Any]


def linear(xp: ModuleType, z: Any) -> Rho:
    """Return rho, rho', rho'' of ordinary least squares."""
    return z, xp.ones_like(z), xp.zeros_like(z)


def soft_l1(xp: ModuleType, z: Any) -> Rho:
    """Return rho, rho', rho'' of 2 (sqrt(1 + z) - 1)."""
    t = 1 + z
    return 2 * (xp.sqrt(t) - 1), t**-0.5, -0.5 * t**-1.5


def huber(xp: ModuleType, z: Any) -> Rho:
    """Return rho, rho', rho'' of z up to 1, 2 sqrt(z) - 1 beyond."""
    inlier = z <= 1
    outlying = xp.where(inlier, 1.0, z)
    return (
        xp.where(inlier, z, 2 * xp.sqrt(outlying) - 1),
        outlying**-0.5,
        xp.where(inlier, 0.0, -0.5 * outlying**-1.5),
    )


def cauchy(xp: ModuleType, z: Any) -> Rho:
    """Return rho, rho', rho'' of log(1 + z)."""
    t = 1 + z
    return xp.log1p(z), 1 / t, -1 / t**2


def arctan(xp: ModuleType, z: Any) -> Rho:
    """Return rho, rho', rho'' of arctan(z)."""
    t = 1 + z**2
    return xp.arctan(z), 1 / t, -2 * z / t**2


LOSSES: Mapping[Loss, Callable[[ModuleType, Any], Rho]] = MappingProxyType(
    {"linear": linear, "soft_l1": soft_l1, "huber": huber, "cauchy": cauchy, "arctan": arctan}
)


def rho_of(xp: ModuleType, f: Any, f_scale: Any, loss: Loss | Callable[[Any], Any]) -> Rho:
    """Return rho, rho', rho'' at z = (f / f_scale)**2, each of shape (m,)."""
    z = (f / f_scale) ** 2
    if callable(loss):
        rho, rho1, rho2 = xp.asarray(loss(z), dtype=f.dtype)
        return rho, rho1, rho2
    return LOSSES[loss](xp, z)


def total_cost(xp: ModuleType, f: Any, f_scale: Any, loss: Loss | Callable[[Any], Any]) -> Any:
    """Return the cost of the residuals f, shape (m,); NaN if one of them is not finite."""
    if loss == "linear":
        cost = 0.5 * xp.sum(f * f)
    else:
        cost = 0.5 * f_scale**2 * xp.sum(rho_of(xp, f, f_scale, loss)[0])
    return xp.where(xp.all(xp.isfinite(f)), cost, xp.nan)


def row_scales(
    xp: ModuleType, f: Any, f_scale: Any, loss: Loss | Callable[[Any], Any]
) -> tuple[Any, Any]:
    """Return the factors of J's rows and of f's elements, shape (m,) each, that stand for a loss.

    With J and f so scaled, J.T @ f and J.T @ J belong to the robust cost.
    """
    _, rho1, rho2 = rho_of(xp, f, f_scale, loss)
    # Far outliers make the factor negative; SciPy keeps it positive, and so the model convex.
    curvature = xp.maximum(rho1 + 2 * rho2 / f_scale**2 * f**2, xp.finfo(f.dtype).eps)
    J_scale = xp.sqrt(curvature)
    return J_scale, rho1 / J_scale
