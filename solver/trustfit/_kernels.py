"""Compiled kernels of the loop, whose results stay on the device. Letters as in `trustfit._trf`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from trustfit._bounds import Bounds, coleman_li_scaling


class Scaling(NamedTuple):
    """The scaled space at a point: d, diag_h, g_h of shape (n,), and the scaled gradient's norm."""

    d: jax.Array
    diag_h: jax.Array
    g_h: jax.Array
    g_norm: jax.Array


@jax.jit
def gradient(J: jax.Array, f: jax.Array) -> jax.Array:
    """Return g = J.T f, shape (n,)."""
    return J.T @ f


@jax.jit
def jac_scale(J: jax.Array, previous: jax.Array | None) -> jax.Array:
    """Return the inverse norms of J's columns, none larger than before.

    At first (`previous` is None) a column of zeros counts as 1.
    """
    norms = jnp.sqrt(jnp.sum(J**2, axis=0))
    if previous is None:
        return 1 / jnp.where(norms == 0, 1.0, norms)
    return 1 / jnp.maximum(norms, 1 / previous)


@jax.jit
def scaling_at(x: jax.Array, g: jax.Array, scale: jax.Array, bounds: Bounds | None) -> Scaling:
    """Return the scaled space at x, and there the norm of the gradient."""
    if bounds is None:
        return Scaling(scale, jnp.zeros_like(g), scale * g, jnp.max(jnp.abs(g)))
    v, dv = coleman_li_scaling(x, g, bounds)
    g_norm = jnp.max(jnp.abs(g * v))
    v = jnp.where(dv != 0, v / scale, v)
    d = jnp.sqrt(v) * scale
    return Scaling(d, g * dv * scale, d * g, g_norm)


@jax.jit
def initial_radius(x: jax.Array, d: jax.Array) -> jax.Array:
    """Return the length of x in the scaled space, 1 for x = 0."""
    length = jnp.linalg.norm(x / d)
    return jnp.where(length == 0, 1.0, length)


@jax.jit
def scale_columns(J: jax.Array, d: jax.Array) -> jax.Array:
    """Return J_h = J diag(d)."""
    return J * d


@jax.jit
def svd_unbounded(J: jax.Array, f: jax.Array, d: jax.Array) -> tuple[jax.Array, ...]:
    """Return J_h = J diag(d), its singular values s, V, and U.T f."""
    J_h = J * d
    U, s, Vt = jnp.linalg.svd(J_h, full_matrices=False)
    return J_h, s, Vt.T, U.T @ f


@jax.jit
def svd_bounded(
    J: jax.Array, f: jax.Array, d: jax.Array, diag_h: jax.Array
) -> tuple[jax.Array, ...]:
    """Return J_h, and s, V, U.T f of J_h with the n rows diag(sqrt(diag_h)) below it."""
    J_h = J * d
    J_augmented = jnp.concatenate([J_h, jnp.diag(jnp.sqrt(diag_h))])
    f_augmented = jnp.concatenate([f, jnp.zeros_like(diag_h)])
    U, s, Vt = jnp.linalg.svd(J_augmented, full_matrices=False)
    return J_h, s, Vt.T, U.T @ f_augmented
