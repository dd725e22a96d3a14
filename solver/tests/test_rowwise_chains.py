"""Chains of operations: one that couples points is enough for the whole to couple them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from trustfit._rowwise import NotRowWise

from .rowwise_checks import (
    GRID,
    PEAKS,
    SQUARE,
    WEIGHTS,
    Model,
    mapped_over_points,
    of_scalars,
    take,
)

SIZE = 6
Y = np.array([0.3, 1.7, 0.9, 2.2, 0.1, 1.2])
ORDER = np.array([3, 0, 5, 1, 4, 2])


LEAVING_APART: list[Model] = [
    lambda y, x: jnp.sin(y) + 0.3 * x,
    lambda y, x: jnp.where(y > 0.5, y, x),
    lambda y, x: (y[:, None] * PEAKS) @ PEAKS,
    lambda y, x: jnp.cumsum(jnp.stack([y, x, y * x]), axis=0)[1],
    lambda y, x: jax.nn.softplus(y),
    lambda y, x: y + jnp.zeros_like(x) + len(x),
    lambda y, x: y.reshape(SIZE, 1, 1).transpose(2, 0, 1)[0, :, 0],
    lambda y, x: jnp.sort(jnp.stack([y, x], 1), axis=1)[:, 0] * 1.5,
    lambda y, x: jnp.interp(y, GRID, GRID**2) + x,
    lambda y, x: lax.fori_loop(0, 2, lambda i, c: 0.5 * c + x, y),
    lambda y, x: jax.vmap(of_scalars)(y, x, y),
    lambda y, x: jnp.full_like(y, 2.0) - y,
]


COUPLING: list[Model] = [
    lambda y, x: y - y.mean(),
    lambda y, x: jnp.cumsum(y),
    lambda y, x: y[::-1] + x,
    lambda y, x: jnp.roll(y, 2) * x,
    lambda y, x: jnp.sort(y),
    lambda y, x: y * jnp.arange(SIZE),
    lambda y, x: y + WEIGHTS[:SIZE],
    lambda y, x: y * x[0],
    lambda y, x: SQUARE[:SIZE, :SIZE] @ y,
    lambda y, x: jnp.concatenate([y[1:], x[:1]]),
    lambda y, x: y.reshape(2, 3)[::-1].reshape(-1),
    lambda y, x: jnp.take(y, ORDER),
    lambda y, x: lax.associative_scan(jnp.maximum, y),
    lambda y, x: (y[:, None] * x).max(1),
    lambda y, x: lax.scan(lambda c, u: (u, c), 0.0, y)[1] + x,
    lambda y, x: (y[:, None] * jnp.ones(SIZE)).T.sum(1),
]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(
            [*((one, True) for one in LEAVING_APART * 3), *((c, False) for c in COUPLING)]
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_chains_of_operations(steps: list[tuple[Model, bool]]):
    def model(x: Any, a: Any) -> Any:
        y = a * x
        for step, _ in steps:
            y = step(y, x)
        return y

    with jax.enable_x64(True):
        if not all(apart for _, apart in steps):
            with pytest.raises(NotRowWise):
                take(model, (Y,), (0,), (1.1,), SIZE)
            return
        at_point, arguments = take(model, (Y,), (0,), (1.1,), SIZE)
        expected = np.asarray(model(Y, 1.1))
        (found,) = mapped_over_points(at_point, *arguments)
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        np.testing.assert_allclose(model(Y[ORDER], 1.1), expected[ORDER], rtol=1e-13)
