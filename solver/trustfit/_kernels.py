"""Compiled kernels over the m residuals. Letters as in `trustfit._trf`."""

import jax
import jax.numpy as jnp


@jax.jit
def all_finite(f: jax.Array) -> jax.Array:
    """Return whether every residual is a finite number."""
    return jnp.all(jnp.isfinite(f))


@jax.jit
def gradient(J: jax.Array, f: jax.Array) -> jax.Array:
    """Return g = J.T f, shape (n,)."""
    return J.T @ f


@jax.jit
def column_norms(J: jax.Array) -> jax.Array:
    """Return the Euclidean norm of each column of J, shape (n,)."""
    return jnp.sqrt(jnp.sum(J**2, axis=0))


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


@jax.jit
def evaluate_quadratic(
    J_h: jax.Array, g_h: jax.Array, diag_h: jax.Array, p_h: jax.Array
) -> jax.Array:
    """Return the model's change 0.5 p_h.T (J_h.T J_h + diag(diag_h)) p_h + g_h.T p_h."""
    J_p = J_h @ p_h
    return 0.5 * (jnp.dot(J_p, J_p) + jnp.dot(diag_h * p_h, p_h)) + jnp.dot(g_h, p_h)


@jax.jit
def build_quadratic_1d(
    J_h: jax.Array, g_h: jax.Array, diag_h: jax.Array, s_h: jax.Array, s0_h: jax.Array
) -> jax.Array:
    """Return [a, b, c]: along s0_h + t s_h the model is a t**2 + b t + c."""
    J_s, J_s0 = J_h @ s_h, J_h @ s0_h
    a = 0.5 * (jnp.dot(J_s, J_s) + jnp.dot(diag_h * s_h, s_h))
    b = jnp.dot(g_h, s_h) + jnp.dot(J_s0, J_s) + jnp.dot(diag_h * s0_h, s_h)
    c = 0.5 * (jnp.dot(J_s0, J_s0) + jnp.dot(diag_h * s0_h, s0_h)) + jnp.dot(g_h, s0_h)
    return jnp.stack([a, b, c])
