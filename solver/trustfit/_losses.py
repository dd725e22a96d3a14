"""Robust losses rho(z) of the squared residual z = (f / f_scale)**2.

The cost is 0.5 * f_scale**2 * sum(rho(z)). Its gradient is J.T @ (rho' f), and dropping the terms
that need second derivatives of f leaves the Hessian J.T @ diag(rho' + 2 rho'' f**2 / f_scale**2)
@ J. So a loss is a scaling of J and f, after which the problem is an ordinary one. Source:
B. Triggs et al., "Bundle Adjustment - A Modern Synthesis", 1999, section 4.3, with SciPy's guard.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from trustfit._types import Loss

Rho: TypeAlias = tuple[jax.Array, jax.Array, jax.Array]


def linear(z: jax.Array) -> Rho:
    """Return rho, rho', rho'' of ordinary least squares."""
    return z, jnp.ones_like(z), jnp.zeros_like(z)


def soft_l1(z: jax.Array) -> Rho:
    """Return rho, rho', rho'' of 2 (sqrt(1 + z) - 1)."""
    t = 1 + z
    return 2 * (jnp.sqrt(t) - 1), t**-0.5, -0.5 * t**-1.5


def huber(z: jax.Array) -> Rho:
    """Return rho, rho', rho'' of z up to 1, 2 sqrt(z) - 1 beyond."""
    inlier = z <= 1
    return (
        jnp.where(inlier, z, 2 * jnp.sqrt(z) - 1),
        jnp.where(inlier, 1.0, z**-0.5),
        jnp.where(inlier, 0.0, -0.5 * z**-1.5),
    )


def cauchy(z: jax.Array) -> Rho:
    """Return rho, rho', rho'' of log(1 + z)."""
    t = 1 + z
    return jnp.log1p(z), 1 / t, -1 / t**2


def arctan(z: jax.Array) -> Rho:
    """Return rho, rho', rho'' of arctan(z)."""
    t = 1 + z**2
    return jnp.arctan(z), 1 / t, -2 * z / t**2


LOSSES: Mapping[Loss, Callable[[jax.Array], Rho]] = MappingProxyType(
    {"linear": linear, "soft_l1": soft_l1, "huber": huber, "cauchy": cauchy, "arctan": arctan}
)


@partial(jax.jit, static_argnames="loss")
def total_cost(f: jax.Array, f_scale: float, loss: Loss) -> jax.Array:
    """Return the cost of the residuals f, shape (m,); NaN if one of them is not finite."""
    if loss == "linear":
        cost = 0.5 * jnp.dot(f, f)
    else:
        rho, _, _ = LOSSES[loss]((f / f_scale) ** 2)
        cost = 0.5 * f_scale**2 * jnp.sum(rho)
    return jnp.where(jnp.all(jnp.isfinite(f)), cost, jnp.nan)


@partial(jax.jit, static_argnames="loss")
def scale_by_loss(
    J: jax.Array, f: jax.Array, f_scale: float, loss: Loss
) -> tuple[jax.Array, jax.Array]:
    """Return J and f scaled so that J.T @ f and J.T @ J belong to the robust cost."""
    if loss == "linear":
        return J, f
    _, rho1, rho2 = LOSSES[loss]((f / f_scale) ** 2)
    # Far outliers make the factor negative; SciPy keeps it positive, and so the model convex.
    curvature = jnp.maximum(rho1 + 2 * rho2 / f_scale**2 * f**2, np.finfo(np.float64).eps)
    J_scale = jnp.sqrt(curvature)
    return J * J_scale[:, None], f * (rho1 / J_scale)
