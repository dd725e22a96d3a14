"""Variations of the numbers, arrays and functions in a closure, and of the code beside them."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .variations import Function, Seen, Steps, Variation, register, with_constant

VARIATIONS: list[Variation] = []
variation = functools.partial(register, VARIATIONS)


def constants(name: str, one: Any, other: Any, seen: Seen, programs: int) -> None:
    """Register a variation of the value in a closure."""

    def steps() -> Steps:
        yield with_constant(one)
        yield with_constant(other)

    VARIATIONS.append(Variation(f"closure_{name}", steps, seen, programs))


constants("float_kept", 2.5, 2.5, "same", 1)
constants("float", 2.5, 2.75, "other", 1)
constants("float_that_simplifies", 2.5, 1.0, "other", 1)
constants("negative_zero", 0.0, -0.0, "other", 1)
constants("nan_kept", math.nan, float("nan"), "same", 1)
constants("nan_instead", 2.5, math.nan, "other", 1)
constants("infinity_instead", 2.5, math.inf, "other", 1)
constants("int_for_float", 3.0, 3, "other", 1)
constants("bool_for_int", 1, True, "other", 1)
constants("numpy_for_float", 2.5, np.float64(2.5), "other", 1)
constants("single_precision", np.float64(2.5), np.float32(2.5), "other", 1)
constants("numpy_scalar", np.float64(2.5), np.float64(2.75), "other", 1)
constants("complex", 0j, -0j, "other", 2)
constants("array", np.arange(4.0), np.arange(4.0) + 1, "other", 1)
constants("array_equal", np.arange(4.0), np.arange(4.0), "same", 1)
constants("array_of_another_shape", np.arange(4.0), np.ones(1), "other", 2)
constants("array_of_another_type", np.ones(4), np.ones(4, np.float32), "other", 2)
constants("array_of_integers", np.arange(4), np.arange(4) + 1, "other", 1)
constants("array_with_negative_zeros", np.zeros(4), -np.zeros(4), "other", 1)
constants("array_with_nan", np.full(4, np.nan), np.full(4, np.nan), "same", 1)
constants("array_of_jax", jnp.arange(4.0), jnp.arange(4.0) + 1, "other", 1)
constants("array_of_jax_for_numpy", np.ones(4), jnp.ones(4), "other", 2)
constants("array_backwards", np.arange(8.0)[::2], np.arange(6.0, -1, -2), "other", 1)
constants("array_with_no_dimensions", np.array(2.5), np.array(2.75), "other", 1)


@variation("same")
def a_new_lambda() -> Steps:
    for _ in range(2):
        yield lambda x: jnp.exp(-1.5 * x)


@variation("other", 2)
def other_code() -> Steps:
    yield lambda x: jnp.exp(-x)
    yield lambda x: jnp.exp(x)


@variation("other")
def literal_in_code() -> Steps:
    yield lambda x: 1.5 * x
    yield lambda x: 1.75 * x


@variation("other", 2)
def exponent_that_simplifies() -> Steps:
    for exponent in (2.5, 2.0):
        yield lambda x, exponent=exponent: jnp.power(x, exponent)


@variation("other", 2)
def exponent() -> Steps:
    for n in (2, 3):
        yield lambda x, n=n: x**n


@variation("other", 2)
def branch() -> Steps:
    for rising in (True, False):
        yield lambda x, rising=rising: jnp.exp(x) if rising else jnp.exp(-x)


@variation("other")
def number_in_a_loop() -> Steps:
    for c in (1.5, 2.5):
        yield lambda x, c=c: jax.lax.fori_loop(0, 3, lambda i, s: s * c + x, x)


@variation("other")
def closure_cell_set_anew() -> Steps:
    c = 1.5

    def function(x: Any) -> Any:
        return x * c

    yield function
    c = 2.5
    yield function


@variation("same")
def function_inside() -> Steps:
    def outer(c: Any) -> Function:
        def inner(x: Any) -> Any:
            return x * c

        return lambda x: inner(x) + inner(2.5 * x)

    yield outer(1.5)
    yield outer(1.5)


@variation("same")
def recursion() -> Steps:
    def power(x: Any, n: int = 3) -> Any:
        return x if n == 0 else x * power(x, n - 1)

    yield power
    yield power


@variation("other", 2)
def setting_of_jax() -> Steps:
    m = np.eye(4)

    def function(x: Any) -> Any:
        return jnp.dot(m, x)

    yield function
    with jax.default_matmul_precision("highest"):
        yield function
