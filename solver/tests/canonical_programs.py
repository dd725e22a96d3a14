"""Canonical programs of functions, and whether two functions share one."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from trustfit._canonical import Canonical, canonicalise, lift_constants

X = np.linspace(0.25, 1.75, 4)
W = np.arange(1.0, 5.0)
Function = Callable[[Any], Any]


def canonical(function: Any, x: Any = X, derivatives: int = 1) -> Canonical:
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(lambda x: function(x))(x)
        return canonicalise(*lift_constants(closed), derivatives=derivatives)


def run(program: Canonical, values: Any, x: Any = X) -> Any:
    with jax.enable_x64(True):
        return core.jaxpr_as_fun(core.ClosedJaxpr(program.jaxpr, ()))(*values, x)


def check_same(one: Function, other: Function) -> None:
    """Both share a program, which gives the results and derivatives of either, bit by bit."""
    first, second = canonical(one), canonical(other)
    assert first.key == second.key
    assert hash(first.key) == hash(second.key)
    for function, canon in ((one, first), (other, second)):
        with jax.enable_x64(True):
            (expected,) = jax.tree.leaves(eager(function, X))
        for program in (first, second):
            (got,) = run(program, canon.values)
            np.testing.assert_allclose(got, expected, rtol=1e-14)
        np.testing.assert_array_equal(run(first, canon.values), run(second, canon.values))


def eager(function: Function, x: Any) -> Any:
    with jax.disable_jit():
        return function(jnp.asarray(x))


def check_different(one: Function, other: Function, **options: Any) -> None:
    assert canonical(one, **options).key != canonical(other, **options).key
