"""Variations of the globals and builtins that a function reads, which are those of this module."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from .variations import Steps, Variation, register

VARIATIONS: list[Variation] = []
variation = functools.partial(register, VARIATIONS)
OFFSET: Any = 1.5
TABLE: Any = np.arange(4.0)


def helper(x: Any) -> Any:
    return jnp.sin(x) * OFFSET


def rebinding(name: str, value: Any, function: Any) -> Steps:
    yield function
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), name, value)
        yield function


@variation("other")
def global_number() -> Steps:
    return rebinding("OFFSET", 2.5, lambda x: x * OFFSET)


@variation("other")
def global_array() -> Steps:
    return rebinding("TABLE", np.ones(4), lambda x: x * TABLE)


@variation("other")
def global_array_changed_in_place() -> Steps:
    def function(x: Any) -> Any:
        return x + TABLE

    yield function
    TABLE[1] += 1
    yield function


@variation("other", 2)
def global_function() -> Steps:
    return rebinding("helper", jnp.cos, lambda x: helper(x) + x)


@variation("other", 2)
def global_module() -> Steps:
    return rebinding("jnp", np, lambda x: x * jnp.zeros(3).sum())


@variation("other")
def global_of_a_called_function() -> Steps:
    return rebinding("OFFSET", 2.5, lambda x: helper(x) + x)


@variation("other", 2)
def global_that_hides_a_builtin() -> Steps:
    return rebinding("max", lambda a, b: a + b, lambda x: x ** max(3, 5))


@variation("opaque", 1)
def builtin_replaced() -> Steps:
    def function(x: Any) -> Any:
        return x * float(round(2.5))

    yield function
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.round", lambda _: 2.75)
        yield function


@variation("other")
def jitted_whose_global_changed() -> Steps:
    return rebinding("OFFSET", 2.5, jax.jit(lambda x: x * OFFSET))


@variation("same")
def jitted_again() -> Steps:
    function = jax.jit(lambda x: x * OFFSET)
    yield function
    yield function


def one_step(_: Any, x: Any) -> Any:
    return x * OFFSET


@variation("other")
def global_of_a_body_that_jax_remembers() -> Steps:
    """JAX keeps the traces of loop bodies by the identity of the function, and goes on with them.

    So does a plain call of such a function: the answer is the one that JAX gives.
    """
    return rebinding("OFFSET", 2.5, lambda x: jax.lax.fori_loop(0, 3, one_step, x))
