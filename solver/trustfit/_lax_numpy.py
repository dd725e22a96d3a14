"""The functions of NumPy that one step of the algorithm calls as `xp`, for `trustfit._values`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax import lax

from trustfit._values import (
    Operand,
    Value,
    all_known,
    array_of,
    binary,
    broadcast,
    matched,
    unary,
)

finfo = np.finfo
inf = np.inf
nan = np.nan


def where(condition: Operand, a: Operand, b: Operand) -> Value:
    """Return a where the condition holds, else b."""
    (x, y), known = matched(a, b)
    which = array_of(condition)
    if all_known(which):
        if which.ndim == 0:
            return Value(x if which else y)
        if known:
            return Value(np.where(which, x, y))
    shape = np.broadcast_shapes(which.shape, np.shape(x))
    x, y = broadcast(x, shape), broadcast(y, shape)
    return Value(lax.select(which if which.ndim == 0 else broadcast(which, shape), x, y))


def maximum(a: Operand, b: Operand) -> Value:
    """Return the larger element of each pair."""
    return binary(np.maximum, lax.max, a, b)


def minimum(a: Operand, b: Operand) -> Value:
    """Return the smaller element of each pair."""
    return binary(np.minimum, lax.min, a, b)


def copysign(a: Operand, b: Operand) -> Value:
    """Return the magnitudes of a with the signs of b."""
    return where(Value(array_of(b)) < 0, -abs(a), abs(a))


def sqrt(value: Operand) -> Value:
    """Return the square root of each element."""
    return unary(np.sqrt, lax.sqrt, value)


def abs(value: Operand) -> Value:
    """Return the magnitude of each element."""
    return unary(np.abs, lax.abs, value)


def isfinite(value: Operand) -> Value:
    """Return which elements are neither infinite nor NaN."""
    return unary(np.isfinite, lax.is_finite, value)


def isnan(value: Operand) -> Value:
    """Return which elements are NaN."""
    return unary(np.isnan, lambda array: lax.ne(array, array), value)


def nextafter(a: Operand, b: Operand) -> Value:
    """Return the float after each element of a in the direction of b's."""
    return binary(np.nextafter, lax.nextafter, a, b)


def _reduced(
    host: Callable[..., Any], traced: Callable[..., Any], value: Operand, axis: int | None
) -> Value:
    array = array_of(value)
    if all_known(array):
        return Value(np.asarray(host(array, axis=axis)))
    axes = tuple(range(array.ndim)) if axis is None else (axis,)
    return Value(traced(array, axes) if axes else array)


def sum(value: Operand, axis: int | None = None) -> Value:
    """Return the sum of all elements, or along an axis."""
    return _reduced(np.sum, lax.reduce_sum, value, axis)


def max(value: Operand, axis: int | None = None) -> Value:
    """Return the largest element."""
    return _reduced(np.max, lax.reduce_max, value, axis)


def min(value: Operand, axis: int | None = None) -> Value:
    """Return the smallest element."""
    return _reduced(np.min, lax.reduce_min, value, axis)


def all(value: Operand, axis: int | None = None) -> Value:
    """Return whether all elements are true."""
    return _reduced(np.all, lax.reduce_and, value, axis)


def any(value: Operand, axis: int | None = None) -> Value:
    """Return whether an element is true."""
    return _reduced(np.any, lax.reduce_or, value, axis)


def zeros(shape: Any, dtype: Any = np.float64) -> Value:
    """Return zeros."""
    return Value(np.zeros(shape, dtype))


def ones(shape: Any, dtype: Any = np.float64) -> Value:
    """Return ones."""
    return Value(np.ones(shape, dtype))


def full(shape: Any, value: Any, dtype: Any = None) -> Value:
    """Return an array of one number."""
    return Value(np.full(shape, value, dtype))


def zeros_like(value: Operand) -> Value:
    """Return zeros of a value's shape and type."""
    array = array_of(value)
    return zeros(array.shape, array.dtype)


def ones_like(value: Operand) -> Value:
    """Return ones of a value's shape and type."""
    array = array_of(value)
    return ones(array.shape, array.dtype)


def full_like(value: Operand, number: Any) -> Value:
    """Return an array of one number, of a value's shape and type."""
    array = array_of(value)
    return full(array.shape, number, array.dtype)


def eye(n: int, dtype: Any = np.float64) -> Value:
    """Return the identity matrix."""
    return Value(np.eye(n, dtype=dtype))


def stack(values: Sequence[Operand], axis: int = 0) -> Value:
    """Return values of one shape side by side along a new axis."""
    arrays, known = matched(*values)
    if known:
        return Value(np.stack(arrays, axis))
    shape = arrays[0].shape
    shape = (*shape[:axis], 1, *shape[axis:])
    return concatenate([Value(array).reshape(shape) for array in arrays], axis)


def concatenate(values: Sequence[Operand], axis: int = 0) -> Value:
    """Return values one after the other along an axis."""
    arrays = [array_of(value) for value in values]
    return Value(
        np.concatenate(arrays, axis) if all_known(*arrays) else lax.concatenate(arrays, axis)
    )


def diagonal(matrix: Operand) -> Value:
    """Return the diagonal of a square matrix."""
    array = array_of(matrix)
    n = len(array)
    flat = Value(array).reshape((n * n,)).array
    return Value(flat[:: n + 1] if all_known(flat) else lax.slice(flat, (0,), (n * n,), (n + 1,)))


def diag(vector: Operand) -> Value:
    """Return the square matrix with that diagonal."""
    array = array_of(vector)
    if all_known(array):
        return Value(np.diag(array))
    return where(np.eye(len(array), dtype=bool), Value(array)[:, None], 0.0)
