"""Comparisons of the interpreter with JAX, for tests of its rules."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from trustfit._interpreter import Interpreted

TOLERANCES = {"d": 1e-12, "D": 1e-12, "f": 5e-6, "F": 5e-6}
SHAPES = ((), (3,), (2, 3), (0,))
INTEGERS = ("int8", "int32", "int64", "uint8", "uint32", "uint64")
FLOATS = ("float64", "float32")
COMPLEX = ("complex128", "complex64")


def assert_equal(found: Any, expected: Any, rtol: float | None = None) -> None:
    """Compare values, shapes and types; zero is as good as a number too small for the type."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, expected)
        return
    rtol = TOLERANCES[expected.dtype.char] if rtol is None else rtol
    tiny = 4 * float(np.finfo(expected.dtype).tiny)
    for part in (np.real, np.imag) if expected.dtype.kind == "c" else (np.asarray,):
        scale = 1.0
        if expected.dtype.kind == "c":
            sizes = np.abs(expected[np.isfinite(expected)].astype(np.complex128))
            scale = float(sizes.max(initial=1.0))
        np.testing.assert_allclose(
            part(found), part(expected), rtol, tiny + (scale > 1) * rtol * scale
        )


def assert_as_jax(function: Callable[..., Any], *operands: Any, rtol: float | None = None) -> None:
    """Compare a function of arrays, traced and interpreted, with what JAX makes of it."""
    with jax.enable_x64(True):
        expected = jax.tree.leaves(function(*map(jnp.asarray, operands)))
        traced = jax.make_jaxpr(function)(*operands)
        before = [np.array(operand) for operand in operands]
        with np.errstate(all="ignore"):
            found = Interpreted(traced)(*operands)
    for operand, untouched in zip(operands, before, strict=True):
        np.testing.assert_array_equal(operand, untouched)
    for one, other in zip(found, expected, strict=True):
        assert_equal(one, other, rtol)


def primitives_of(function: Callable[..., Any], *operands: Any) -> set[str]:
    """Return the names of what a function is traced to, jaxprs within apart."""
    with jax.enable_x64(True):
        traced = jax.make_jaxpr(function)(*operands)
    return {equation.primitive.name for equation in traced.jaxpr.eqns}


def elements(dtype: Any, largest: float | None = None) -> st.SearchStrategy[Any]:
    """Return a strategy for numbers of a type: zeros of both signs, NaN and infinity among them."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        width: Any = 8 * kind.itemsize
        if largest is not None:
            return st.floats(-largest, largest, width=width, allow_subnormal=False)
        ordinary = st.floats(-10, 10, width=width, allow_subnormal=False)
        return ordinary | st.floats(width=width, allow_subnormal=False)
    if kind.kind == "c":
        width = 8 * kind.itemsize
        return st.complex_numbers(
            max_magnitude=10, allow_nan=False, allow_subnormal=False, width=width
        )
    if largest is not None and kind.kind in "iu":
        least = int(-largest) if kind.kind == "i" else 0
        return st.integers(least, int(largest))
    return hnp.from_dtype(kind)


@st.composite
def arrays(
    draw: st.DrawFn,
    dtypes: tuple[str, ...] = FLOATS,
    count: int = 1,
    shapes: tuple[tuple[int, ...], ...] = SHAPES,
    largest: float | None = None,
) -> list[Any]:
    """Draw arrays of one shape and type."""
    dtype, shape = draw(st.sampled_from(dtypes)), draw(st.sampled_from(shapes))
    one = hnp.arrays(dtype, shape, elements=elements(dtype, largest))
    return [draw(one) for _ in range(count)]
