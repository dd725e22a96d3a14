"""Every elementwise operation of JAX at one point."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from .rowwise_checks import M, X, mapped_over_points, take

pytestmark = pytest.mark.usefixtures("double_precision")


UNARY = (
    "abs acos acosh asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil conj cos cosh "
    "digamma erf erf_inv erfc exp exp2 expm1 floor imag is_finite lgamma log log1p logistic neg "
    "real round rsqrt sign sin sinh sqrt square tan tanh"
)


BINARY = (
    "add atan2 complex div eq ge gt igamma igammac lt le max min mul ne nextafter pow rem "
    "sub zeta igamma_grad_a"
)


OF_INTEGERS = (
    "bitwise_and bitwise_or bitwise_xor shift_left shift_right_arithmetic shift_right_logical rem"
)


def test_every_elementwise_operation():
    def all_of_them(x: Any, u: Any, k: Any, a: Any) -> Any:
        complex_ = {"conj", "imag", "real"}
        unary = [
            getattr(lax, n)(lax.complex(x, a * x) if n in complex_ else a * x)
            for n in UNARY.split()
        ]
        binary = [getattr(lax, name)(a * x, u) for name in BINARY.split()]
        integers = [getattr(lax, name)(k, k % 4) for name in OF_INTEGERS.split()]
        others = [
            lax.bitwise_not(k),
            lax.clz(k),
            lax.population_count(k),
            lax.clamp(0.1, x, 0.4),
            lax.clamp(x / 2, u, x),
            lax.integer_pow(x, 5),
            lax.reduce_precision(x, 8, 10),
            lax.convert_element_type(x, jnp.float32),
            lax.select(x > u, a * x, u),
            lax.betainc(x, u, x),
            lax.polygamma(jnp.ones_like(x), u),
            jnp.copy(x),
        ]
        return unary + binary + integers + others

    x, u = X / 10, np.linspace(1.1, 2.1, M)
    data, axes = (x, u, np.arange(M)), (0, 0, 0)
    at_point, arguments = take(all_of_them, data, axes, (0.9,))
    expected = jax.jit(all_of_them)(*data, 0.9)
    found = jax.jit(lambda *given: mapped_over_points(at_point, *given))(*arguments)
    jax.tree.map(np.testing.assert_array_equal, [*found], expected)
