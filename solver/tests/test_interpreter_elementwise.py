"""The interpreter's elementwise rules give what JAX gives, types and edge cases included."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jax import lax
from trustfit._interpreter_elementwise import ELEMENTWISE
from trustfit._interpreter_special import SPECIAL

from .interpreter_checks import COMPLEX, FLOATS, INTEGERS, arrays, assert_as_jax, primitives_of

EXAMPLES = settings(max_examples=15, deadline=None)
BOOL = ("bool",)

# Per primitive: the function, the types that it takes, the largest number for comparisons of
# digits that depend on how arguments are reduced.
UNARY: dict[str, tuple[Callable[..., Any], tuple[str, ...], float | None]] = {
    "abs": (lax.abs, FLOATS + COMPLEX + ("int32", "int64"), None),
    "acos": (lax.acos, FLOATS, None),
    "acosh": (lax.acosh, FLOATS, 1e6),
    "asin": (lax.asin, FLOATS, None),
    "asinh": (lax.asinh, FLOATS, 1e6),
    "atan": (lax.atan, FLOATS, None),
    "atanh": (lax.atanh, FLOATS, None),
    "cbrt": (lax.cbrt, FLOATS, None),
    "ceil": (lax.ceil, FLOATS, None),
    "conj": (lax.conj, COMPLEX, None),
    "cos": (lax.cos, FLOATS, 1e4),
    "cosh": (lax.cosh, FLOATS, 50.0),
    "exp": (lax.exp, FLOATS + COMPLEX, 80.0),
    "exp2": (lax.exp2, FLOATS, 100.0),
    "expm1": (lax.expm1, FLOATS, 80.0),
    "floor": (lax.floor, FLOATS, None),
    "imag": (lax.imag, COMPLEX, None),
    "is_finite": (lax.is_finite, FLOATS, None),
    "log": (lax.log, FLOATS, None),
    "log1p": (lax.log1p, FLOATS, None),
    "logistic": (lax.logistic, FLOATS, 80.0),
    "neg": (lax.neg, FLOATS + INTEGERS + COMPLEX, None),
    "not": (lax.bitwise_not, INTEGERS + BOOL, None),
    "population_count": (lax.population_count, INTEGERS, None),
    "real": (lax.real, COMPLEX, None),
    "rsqrt": (lax.rsqrt, FLOATS, None),
    "sign": (lax.sign, FLOATS + INTEGERS, None),
    "sin": (lax.sin, FLOATS, 1e4),
    "sinh": (lax.sinh, FLOATS, 50.0),
    "sqrt": (lax.sqrt, FLOATS, None),
    "square": (lax.square, FLOATS + INTEGERS + COMPLEX, None),
    "stop_gradient": (lax.stop_gradient, FLOATS, None),
    "tan": (lax.tan, FLOATS, 1e3),
    "tanh": (lax.tanh, FLOATS, None),
    "copy": (jnp.copy, FLOATS + INTEGERS, None),
}

BINARY: dict[str, tuple[Callable[..., Any], tuple[str, ...], float | None]] = {
    "add": (lax.add, FLOATS + INTEGERS + COMPLEX, None),
    "and": (lax.bitwise_and, INTEGERS + BOOL, None),
    "atan2": (lax.atan2, FLOATS, None),
    "complex": (lax.complex, FLOATS, None),
    "div": (lax.div, FLOATS + INTEGERS, None),
    "eq": (lax.eq, FLOATS + INTEGERS + BOOL + COMPLEX, None),
    "ge": (lax.ge, FLOATS + INTEGERS + BOOL, None),
    "gt": (lax.gt, FLOATS + INTEGERS + BOOL, None),
    "le": (lax.le, FLOATS + INTEGERS + BOOL, None),
    "lt": (lax.lt, FLOATS + INTEGERS + BOOL, None),
    "max": (lax.max, FLOATS + INTEGERS + BOOL, None),
    "min": (lax.min, FLOATS + INTEGERS + BOOL, None),
    "mul": (lax.mul, FLOATS + INTEGERS, None),
    "ne": (lax.ne, FLOATS + INTEGERS + BOOL + COMPLEX, None),
    "nextafter": (lax.nextafter, FLOATS, 1e6),
    "or": (lax.bitwise_or, INTEGERS + BOOL, None),
    "pow": (lax.pow, FLOATS, 30.0),
    "rem": (lax.rem, FLOATS + INTEGERS, None),
    "shift_left": (lax.shift_left, INTEGERS, None),
    "shift_right_arithmetic": (lax.shift_right_arithmetic, INTEGERS, None),
    "shift_right_logical": (lax.shift_right_logical, INTEGERS, None),
    "sub": (lax.sub, FLOATS + INTEGERS + COMPLEX, None),
    "xor": (lax.bitwise_xor, INTEGERS + BOOL, None),
}


@pytest.mark.parametrize("name", UNARY)
@EXAMPLES
@given(data=st.data())
def test_one_operand(name: str, data: st.DataObject):
    function, dtypes, largest = UNARY[name]
    (x,) = data.draw(arrays(dtypes, 1, largest=largest))
    assert name in primitives_of(function, x) | {"integer_pow", "mul", "stop_gradient"}
    assert_as_jax(function, x)


@pytest.mark.parametrize("name", BINARY)
@EXAMPLES
@given(data=st.data())
def test_two_operands(name: str, data: st.DataObject):
    function, dtypes, largest = BINARY[name]
    x, y = data.draw(arrays(dtypes, 2, largest=largest))
    assert name in primitives_of(function, x, y)
    assert_as_jax(function, x, y)


SPECIALS: dict[str, tuple[Callable[..., Any], int, float, float]] = {
    "bessel_i0e": (lax.bessel_i0e, 1, -30.0, 30.0),
    "bessel_i1e": (lax.bessel_i1e, 1, -30.0, 30.0),
    "digamma": (lax.digamma, 1, 0.1, 30.0),
    "erf": (lax.erf, 1, -6.0, 6.0),
    "erf_inv": (lax.erf_inv, 1, -0.99, 0.99),
    "erfc": (lax.erfc, 1, -6.0, 6.0),
    "igamma": (lax.igamma, 2, 0.1, 20.0),
    "igammac": (lax.igammac, 2, 0.1, 20.0),
    "lgamma": (lax.lgamma, 1, 0.1, 30.0),
    "zeta": (lax.zeta, 2, 1.5, 20.0),
}


@pytest.mark.parametrize("name", SPECIALS)
@EXAMPLES
@given(data=st.data())
def test_special_functions(name: str, data: st.DataObject):
    function, count, low, high = SPECIALS[name]
    numbers = st.lists(st.floats(low, high), min_size=3, max_size=3)
    operands = [np.array(data.draw(numbers)) for _ in range(count)]
    assert_as_jax(function, *operands, rtol=1e-8)


def test_special_functions_of_three_numbers():
    a, b, x = np.array([0.5, 2.0, 3.0]), np.array([1.5, 0.7, 3.0]), np.array([0.1, 0.5, 0.9])
    assert_as_jax(lax.betainc, a, b, x, rtol=1e-10)
    assert_as_jax(lax.polygamma, np.array([1.0, 2.0, 3.0]), a, rtol=1e-10)


@EXAMPLES
@given(arrays(("float64", "float32", "int32", "int64"), 1, largest=20.0), st.integers(0, 9))
def test_integer_powers(operands: list[Any], exponent: int):
    assert_as_jax(lambda x: lax.integer_pow(x, exponent), *operands)


@EXAMPLES
@given(arrays(largest=20.0), st.integers(-5, -1))
def test_negative_integer_powers(operands: list[Any], exponent: int):
    assert_as_jax(lambda x: lax.integer_pow(x, exponent), *operands)


@EXAMPLES
@given(arrays(largest=9.0), arrays(("int32", "int64"), largest=6.0))
def test_powers_of_two_types(x: list[Any], y: list[Any]):
    assume(x[0].shape == y[0].shape)
    assert_as_jax(lax.pow, x[0], y[0])


@EXAMPLES
@given(arrays(), st.sampled_from(list(lax.RoundingMethod)))
@example([np.array([0.5, 1.5, -0.5, 2.5, 0.49999999999999994])], lax.RoundingMethod.AWAY_FROM_ZERO)
def test_rounding(operands: list[Any], method: lax.RoundingMethod):
    assert_as_jax(lambda x: lax.round(x, method), *operands)


ALL_TYPES = FLOATS + INTEGERS + BOOL


@pytest.mark.parametrize("to", ALL_TYPES)
@EXAMPLES
@given(arrays(ALL_TYPES))
def test_conversions(to: str, operands: list[Any]):
    unsigned_of_negative = np.dtype(to).kind == "u" and operands[0].dtype.kind == "f"
    # What XLA makes of these differs from one of its releases, and processor, to the next.
    assume(not (unsigned_of_negative and np.any(~(operands[0] > -1))))
    assert_as_jax(lambda x: lax.convert_element_type(x, to), *operands)


@EXAMPLES
@given(arrays(FLOATS + INTEGERS, 3))
def test_clamping(operands: list[Any]):
    assert_as_jax(lax.clamp, *operands)


@EXAMPLES
@given(arrays(ALL_TYPES, 2), st.data())
def test_choices_of_two(operands: list[Any], data: st.DataObject):
    shape = operands[0].shape
    which = np.array(data.draw(st.lists(st.booleans(), min_size=6, max_size=6)))[: operands[0].size]
    assert_as_jax(lambda *all_: lax.select_n(*all_), which.reshape(shape), *operands)
    assert_as_jax(
        lambda *all_: lax.select_n(*all_), np.array(bool(data.draw(st.booleans()))), *operands
    )


@EXAMPLES
@given(arrays(FLOATS, 4, shapes=((3,),)), st.lists(st.integers(-2, 5), min_size=3, max_size=3))
def test_choices_of_several(operands: list[Any], which: list[int]):
    assert_as_jax(lambda *all_: lax.select_n(*all_), np.array(which, np.int32), *operands)


def test_bits_and_total_order():
    x = np.array([1.5, -0.0, np.inf, -np.inf, np.nan])
    assert_as_jax(lambda x: lax.bitcast_convert_type(x, np.int64), x)
    assert_as_jax(lambda x: jnp.searchsorted(jnp.sort(x), x), x)
    assert_as_jax(lambda x: jnp.searchsorted(jnp.arange(4), jnp.arange(6) - 1), x)
    assert_as_jax(lambda x: lax.reduce_precision(x, 11, 52), x)


def test_what_there_is_in_newer_versions_only():
    x = np.linspace(-2.0, 2.0, 9)
    assert_as_jax(lambda x: jnp.log2(jnp.abs(x) + 1), x)
    assert_as_jax(lambda x: jnp.polyval(jnp.array([1.0, 2.0, 3.0]), x), x)
    assert_as_jax(jax.vmap(jax.grad(jnp.tanh)), x)
    assert_as_jax(jax.vmap(jax.grad(lambda x: jnp.arcsin(x / 3))), x)


def test_every_rule_is_compared():
    elsewhere = {
        *(
            "bitcast_convert_type",
            "clamp",
            "convert_element_type",
            "integer_pow",
            "reduce_precision",
        ),
        *("eq_to", "le_to", "lt_to", "round", "select_n"),
        *("log2", "polynomial", "one_minus_square"),
        *("add_any", "copy_p", "name"),  # sums of cotangents; names of a copy, and of a value
        *("polygamma", "regularized_incomplete_beta"),
    }
    compared = {*UNARY, *BINARY, *SPECIALS, *elsewhere}
    assert {*ELEMENTWISE, *SPECIAL} <= compared
