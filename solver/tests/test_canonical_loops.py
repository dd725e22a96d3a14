"""The structural key of loops and branches: the numbers in their bodies are lifted too."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from .canonical_programs import Function, W, X, canonical, check_same


def loops(c: float) -> list[Function]:
    def until(x: Any) -> Any:
        return jax.lax.while_loop(lambda s: s[0] < 7 * c, lambda s: s + x * c, x)

    def chosen(x: Any) -> Any:
        branches = [lambda x: x * c, lambda x: x * W + 2 * c * 3.5, lambda x: -x]
        return jax.lax.switch(x.astype(int)[1], branches, x)

    def nested(x: Any) -> Any:
        def step(s: Any, t: Any) -> Any:
            s = jax.lax.fori_loop(0, 2, lambda i, r: r * c + t, s)
            return s, jax.lax.cond(s > c, lambda s: s * c, lambda s: s + W.sum(), s)

        return jax.lax.scan(step, 1.25 * c, x)[1]

    def mapped(x: Any) -> Any:
        return jax.lax.map(lambda t: t * c + W[0], x) + jnp.cumsum(x)

    def backwards(x: Any) -> Any:
        return jax.lax.scan(lambda s, t: (s + t * c, s), 0.0, x, reverse=True, unroll=2)[1]

    def weak(x: Any) -> Any:
        return jax.lax.fori_loop(0, 3, lambda i, s: s * 1.25, c) * x

    return [until, chosen, nested, mapped, backwards, weak]


@pytest.mark.parametrize("which", range(6))
def test_numbers_in_loops_are_lifted(which: int):
    check_same(loops(1.5)[which], loops(1.75)[which])


@pytest.mark.parametrize("which", range(6))
def test_loops_can_be_differentiated_and_batched(which: int):
    one = canonical(loops(1.5)[which])
    other = canonical(loops(1.75)[which])
    with jax.enable_x64(True):
        rows = np.stack([X, X + 0.125])
        program = core.jaxpr_as_fun(core.ClosedJaxpr(one.jaxpr, ()))
        for transform in (jax.jacfwd, lambda f: lambda x: jax.vmap(f)(np.stack([x, rows[1]]))):
            got = transform(lambda x: program(*other.values, x)[0])(X)
            np.testing.assert_allclose(got, transform(loops(1.75)[which])(X), rtol=1e-13)
