"""A small fit in plain JAX, to try `jitscope run` on; the docs' pictures are of its report."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@jax.jit
def step(p: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the parameters after a step of Gauss and Newton, and the cost before it."""

    def model(q: jax.Array) -> jax.Array:
        return q[0] * jnp.exp(-q[1] * x) + q[2]

    with jax.named_scope("jacobian"):
        residuals = model(p) - y
        jacobian = jax.jacfwd(model)(p)
    with jax.named_scope("gram"):
        gram = jacobian.T @ jacobian
        gradient = jacobian.T @ residuals
    with jax.named_scope("solve"):
        move = jnp.linalg.solve(gram + 1e-6 * jnp.eye(3), gradient)
    return p - move, jnp.sum(residuals**2)


def fit(points: int) -> Any:
    """Fit an exponential of that many points; the loop is Python's, on purpose."""
    noise = np.random.default_rng(0).standard_normal(points)
    x = np.linspace(0, 4, points, dtype=np.float32)
    y = (2.5 * np.exp(-1.3 * x) + 0.5 + 0.01 * noise).astype(np.float32)
    p, cost = np.array([2.0, 1.0, 0.0], np.float32), np.inf
    for _ in range(12):
        p, now = step(p, x, y)
        if float(now) > cost * (1 - 1e-6):
            break
        cost = float(now)
    return np.asarray(p)


if __name__ == "__main__":
    for length in (2_000, 4_000, 200_000):
        print(length, fit(length))
