"""Arrays in the making of a program, traced and compiled as fast as can be.

`jax.numpy` serves everyone: each of its functions is a jitted function of its own, promotes types,
and normalises arguments, which costs a first call more than all that XLA does with the few hundred
scalars and n-vectors of a step. Here an operation is one primitive, or none: what is known while
tracing is computed by NumPy there and then, and factors of one, terms of zero and conditions that
are known leave no trace in the program.

`Value` stands for an array; `trustfit._lax_numpy` has the functions.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax import lax

Operand: TypeAlias = Any
"""A Value, an array of NumPy or JAX, or a number."""


class Value:
    """An array of a program, or one that is known while tracing.

    Attributes
    ----------
    array : jax.Array or numpy.ndarray
        A tracer; a NumPy array if its elements are known.
    """

    __slots__ = ("array",)
    __array_ufunc__ = None  # NumPy's scalars leave operations with a Value to it
    __hash__ = None  # pyright: ignore[reportAssignmentType] - `==` compares elements

    def __init__(self, array: Any) -> None:
        self.array = array

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return np.shape(self.array)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.array.dtype

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def known(self) -> bool:
        """Whether the elements are known while tracing."""
        return isinstance(self.array, np.ndarray | np.generic)

    @property
    def T(self) -> "Value":
        """The transpose of a matrix."""
        if self.known:
            return Value(self.array.T)
        return Value(lax.transpose(self.array, tuple(reversed(range(len(self.shape))))))

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return self.shape[0]

    def __iter__(self) -> Iterator["Value"]:
        """Yield the parts along the first axis."""
        return (self[i] for i in range(len(self)))

    def astype(self, dtype: Any) -> "Value":
        """Return the elements in another type."""
        return Value(cast(self.array, np.dtype(dtype)))

    def reshape(self, shape: tuple[int, ...]) -> "Value":
        """Return the elements in another shape."""
        if self.known:
            return Value(self.array.reshape(shape))
        return self if self.shape == shape else Value(lax.reshape(self.array, shape))

    def __getitem__(self, index: Any) -> "Value":
        """Return a part: integers, slices of step 1 and None only."""
        if self.known:
            return Value(np.asarray(self.array[index]))
        return _part(self, index if isinstance(index, tuple) else (index,))

    def __add__(self, other: Operand) -> "Value":
        return _add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> "Value":
        if _is_constant(other, 0):
            return spread(self, np.shape(other))
        return binary(np.subtract, lax.sub, self, other)

    def __rsub__(self, other: Operand) -> "Value":
        return -self if _is_constant(other, 0) else binary(np.subtract, lax.sub, other, self)

    def __mul__(self, other: Operand) -> "Value":
        return _multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> "Value":
        if _is_constant(other, 1):
            return spread(self, array_of(other).shape)
        return binary(np.divide, lax.div, self, other)

    def __rtruediv__(self, other: Operand) -> "Value":
        return binary(np.divide, lax.div, other, self)

    def __pow__(self, exponent: int) -> "Value":
        return (
            self * self
            if exponent == 2
            else unary(lambda a: a**exponent, lambda a: lax.integer_pow(a, exponent), self)
        )

    def __matmul__(self, other: Operand) -> "Value":
        a, b = array_of(self), array_of(other)
        return Value(a @ b) if all_known(a, b) else _product(Value(a), Value(b))

    def __neg__(self) -> "Value":
        return unary(np.negative, lax.neg, self)

    def __invert__(self) -> "Value":
        return unary(np.logical_not, lax.bitwise_not, self)

    def __and__(self, other: Operand) -> "Value":
        return _logical(self, other, neutral=True)

    __rand__ = __and__

    def __or__(self, other: Operand) -> "Value":
        return _logical(self, other, neutral=False)

    __ror__ = __or__

    def __lt__(self, other: Operand) -> "Value":
        return binary(np.less, lax.lt, self, other)

    def __le__(self, other: Operand) -> "Value":
        return binary(np.less_equal, lax.le, self, other)

    def __gt__(self, other: Operand) -> "Value":
        return binary(np.greater, lax.gt, self, other)

    def __ge__(self, other: Operand) -> "Value":
        return binary(np.greater_equal, lax.ge, self, other)

    def __eq__(self, other: Operand) -> "Value":  # pyright: ignore[reportIncompatibleMethodOverride]
        return binary(np.equal, lax.eq, self, other)

    def __ne__(self, other: Operand) -> "Value":  # pyright: ignore[reportIncompatibleMethodOverride]
        return binary(np.not_equal, lax.ne, self, other)


jax.tree_util.register_pytree_node(
    Value, lambda value: ((value.array,), None), lambda _, children: Value(children[0])
)


def wrap(tree: Any) -> Any:
    """Return a tree with a Value for every array."""
    return jax.tree.map(Value, tree)


def is_value(leaf: Any) -> bool:
    """Return whether something is a Value, for `jax.tree.map`."""
    return isinstance(leaf, Value)


def unwrap(tree: Any) -> Any:
    """Return a tree with the array of every Value."""
    return jax.tree.map(array_of, tree, is_leaf=is_value)


def array_of(value: Operand) -> Any:
    """Return the array of a Value, or an operand as an array."""
    array = value.array if isinstance(value, Value) else value
    if hasattr(array, "dtype"):
        return array
    # Counters and statuses have 32 bits.
    return np.int32(array) if type(array) is int else np.asarray(array)


def all_known(*arrays: Any) -> bool:
    """Return whether the elements of all arrays are known while tracing."""
    return all(isinstance(array, np.ndarray | np.generic) for array in arrays)


def _is_constant(value: Operand, number: float) -> bool:
    array = array_of(value)
    return all_known(array) and array.dtype.kind != "b" and bool(np.all(array == number))


def cast(array: Any, dtype: np.dtype[Any]) -> Any:
    """Return an array in another type."""
    if array.dtype == dtype:
        return array
    return array.astype(dtype) if all_known(array) else lax.convert_element_type(array, dtype)


def broadcast(array: Any, shape: tuple[int, ...]) -> Any:
    """Return an array repeated to a shape."""
    if np.shape(array) == shape:
        return array
    if all_known(array):
        return np.broadcast_to(array, shape)
    return lax.broadcast_in_dim(array, shape, range(len(shape) - array.ndim, len(shape)))


def spread(value: Value, shape: tuple[int, ...]) -> Value:
    """Return a value as it is broadcast by an operand of another shape."""
    return Value(broadcast(value.array, np.broadcast_shapes(value.shape, shape)))


def matched(*operands: Operand) -> tuple[list[Any], bool]:
    """Return operands of one shape and type, and whether all are known.

    A number of Python's takes the type of the others.
    """
    arrays = [array_of(operand) for operand in operands]
    typed = [
        array.dtype
        for array, operand in zip(arrays, operands, strict=True)
        if isinstance(operand, Value) or hasattr(operand, "dtype")
    ]
    floats = [dtype for dtype in typed if dtype.kind == "f"]  # integers do not widen them
    dtype = np.result_type(*(floats or typed or arrays))
    if dtype.kind != "f" and any(isinstance(operand, float) for operand in operands):
        dtype = np.dtype(np.float64)
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    known = all_known(*arrays)
    return [broadcast(cast(array, dtype), shape) for array in arrays], known


def unary(host: Callable[[Any], Any], traced: Callable[[Any], Any], value: Operand) -> Value:
    """Apply an operation: NumPy's to what is known, else one of a program."""
    array = array_of(value)
    return Value(host(array) if all_known(array) else traced(array))


def binary(
    host: Callable[[Any, Any], Any], traced: Callable[[Any, Any], Any], a: Operand, b: Operand
) -> Value:
    """Apply an operation to operands of one shape and type, as `unary` does."""
    (x, y), known = matched(a, b)
    if known:
        with np.errstate(all="ignore"):
            return Value(np.asarray(host(x, y)))
    return Value(traced(x, y))


def _add(a: Operand, b: Operand) -> Value:
    for one, other in ((a, b), (b, a)):
        if _is_constant(one, 0) and isinstance(other, Value):
            return spread(other, array_of(one).shape)
    return binary(np.add, lax.add, a, b)


def _multiply(a: Operand, b: Operand) -> Value:
    for one, other in ((a, b), (b, a)):
        if _is_constant(one, 1) and isinstance(other, Value):
            return spread(other, array_of(one).shape)
    return binary(np.multiply, lax.mul, a, b)


def _product(a: Value, b: Value) -> Value:
    """Return a @ b by multiplications and sums.

    XLA may fuse a dot product with what stands around it, which it cannot compile in a kernel.
    """
    if len(a.shape) == len(b.shape) == 1:
        return Value(lax.reduce_sum((a * b).array, (0,)))
    if len(b.shape) == 1:
        return Value(lax.reduce_sum((a * b).array, (1,)))
    if len(a.shape) == 1:
        return Value(lax.reduce_sum((a[:, None] * b).array, (0,)))
    return Value(lax.reduce_sum((a[:, :, None] * b[None, :, :]).array, (1,)))


def _logical(a: Operand, b: Operand, *, neutral: bool) -> Value:
    for one, other in ((a, b), (b, a)):
        array = array_of(one)
        if all_known(array) and array.ndim == 0:
            return Value(array_of(other) if bool(array) is neutral else array)
    operation = lax.bitwise_and if neutral else lax.bitwise_or
    return binary(np.logical_and if neutral else np.logical_or, operation, a, b)


def _part(value: Value, index: Sequence[Any]) -> Value:
    starts, limits, shape = [], [], []
    axes = iter(enumerate(value.shape))
    for one in index:
        if one is None:
            shape.append(1)
            continue
        _, length = next(axes)
        if isinstance(one, slice):
            start, stop, step = one.indices(length)
            assert step == 1
            shape.append(stop - start)
        else:
            start = one % length
            stop = start + 1
        starts.append(start)
        limits.append(stop)
    for _, length in axes:
        starts.append(0)
        limits.append(length)
        shape.append(length)
    array = value.array
    if limits != list(value.shape) or any(starts):
        array = lax.slice(array, starts, limits)
    return Value(array).reshape(tuple(shape))
