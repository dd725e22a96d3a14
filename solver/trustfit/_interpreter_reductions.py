"""Reductions, running reductions, sorting and products of arrays."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from trustfit._interpreter_values import (
    Function,
    Rule,
    Unsupported,
    dtype_of,
    refuse,
    shape_of,
)


def _reduction(operation: Any) -> Rule:
    """Reduce in the type of the results: NumPy would widen small integers."""

    def rule(equation: Any) -> Function:
        axes, dtype = tuple(equation.params["axes"]), dtype_of(equation.outvars[0])
        return lambda x: operation.reduce(x, axis=axes, dtype=dtype)

    return rule


def _extremum(operation: Any, *, largest: bool) -> Rule:
    def rule(equation: Any) -> Function:
        axes, dtype = tuple(equation.params["axes"]), dtype_of(equation.outvars[0])
        if dtype.kind == "c":
            refuse(equation, "of complex numbers")
        if dtype.kind == "b":
            start: Any = not largest
        elif dtype.kind == "f":
            start = -math.inf if largest else math.inf
        else:
            start = np.iinfo(dtype).min if largest else np.iinfo(dtype).max
        return lambda x: operation.reduce(x, axis=axes, initial=dtype.type(start))

    return rule


def _arg(find: Callable[..., Any]) -> Rule:
    def rule(equation: Any) -> Function:
        (axis,), dtype = equation.params["axes"], np.dtype(equation.params["index_dtype"])
        if dtype_of(equation.invars[0]).kind == "c":
            refuse(equation, "of complex numbers")
        return lambda x: np.asarray(find(x, axis)).astype(dtype)

    return rule


def _running(operation: Any) -> Rule:
    def rule(equation: Any) -> Function:
        axis, dtype = equation.params["axis"], dtype_of(equation.outvars[0])

        def accumulate(x: Any) -> Any:
            return operation.accumulate(x, axis, dtype)

        if not equation.params["reverse"]:
            return accumulate
        return lambda x: np.flip(accumulate(np.flip(x, axis)), axis)

    return rule


def _sort(equation: Any) -> Function:
    axis, keys = equation.params["dimension"], equation.params["num_keys"]
    if any(dtype_of(one).kind == "c" for one in equation.invars[:keys]):
        refuse(equation, "of complex numbers")
    if len(equation.invars) == 1:
        return lambda x: (np.sort(x, axis, "stable"),)

    def sort(*operands: Any) -> tuple[Any, ...]:
        order = np.lexsort(operands[keys - 1 :: -1], axis)
        return tuple(np.take_along_axis(one, order, axis) for one in operands)

    return sort


def _top_k(equation: Any) -> Function:
    count = equation.params["k"]
    if (
        equation.params.get("axis", len(shape_of(equation.invars[0])) - 1)
        != (len(shape_of(equation.invars[0])) - 1)
        or dtype_of(equation.invars[0]).kind not in "fi"
    ):
        refuse(equation, "of this kind")
    dtype = dtype_of(equation.outvars[1])

    def top(x: Any) -> tuple[Any, Any]:
        # Backwards and back again: of equal elements the first comes first.
        order = np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]
        places = (x.shape[-1] - 1 - order)[..., :count]
        return np.take_along_axis(x, places, -1), places.astype(dtype)

    return top


def _rest(rank: int, *taken: Sequence[int]) -> list[int]:
    gone = {axis for axes in taken for axis in axes}
    return [axis for axis in range(rank) if axis not in gone]


def _dot_general(equation: Any) -> Function:
    (left_sum, right_sum), (left_batch, right_batch) = equation.params["dimension_numbers"]
    left, right = map(shape_of, equation.invars)
    shape, dtype = shape_of(equation.outvars[0]), dtype_of(equation.outvars[0])
    left_order = [*left_batch, *_rest(len(left), left_batch, left_sum), *left_sum]
    right_order = [*right_batch, *right_sum, *_rest(len(right), right_batch, right_sum)]
    batch = [left[axis] for axis in left_batch]
    count = math.prod(left[axis] for axis in left_sum)
    rows = math.prod(left) // max(1, math.prod(batch) * count)
    columns = math.prod(right) // max(1, math.prod(batch) * count)
    if not (math.prod(left) and math.prod(right)):
        return lambda a, b: np.zeros(shape, dtype)

    def product(a: Any, b: Any) -> Any:
        a = np.transpose(a, left_order).reshape((*batch, rows, count))
        b = np.transpose(b, right_order).reshape((*batch, count, columns))
        found = a.astype(dtype, copy=False) @ b.astype(dtype, copy=False)
        return found.reshape(shape)

    return product


def _fft(equation: Any) -> Function:
    kind, lengths = equation.params["fft_type"], tuple(equation.params["fft_lengths"])
    name = kind.name.lower() if hasattr(kind, "name") else str(kind).lower()
    transforms: Mapping[str, Any] = {
        "fft": np.fft.fftn,
        "ifft": np.fft.ifftn,
        "rfft": np.fft.rfftn,
        "irfft": np.fft.irfftn,
    }
    if name not in transforms:
        raise Unsupported(f"fft ({name})")
    axes, dtype = tuple(range(-len(lengths), 0)), dtype_of(equation.outvars[0])
    transform = transforms[name]
    return lambda x: transform(x, lengths, axes).astype(dtype, copy=False)


REDUCTIONS: Mapping[str, Rule] = MappingProxyType(
    {
        "argmax": _arg(np.argmax),
        "argmin": _arg(np.argmin),
        "cumlogsumexp": _running(np.logaddexp),
        "cummax": _running(np.maximum),
        "cummin": _running(np.minimum),
        "cumprod": _running(np.multiply),
        "cumsum": _running(np.add),
        "dot_general": _dot_general,
        "fft": _fft,
        "reduce_and": _reduction(np.bitwise_and),
        "reduce_max": _extremum(np.maximum, largest=True),
        "reduce_min": _extremum(np.minimum, largest=False),
        "reduce_or": _reduction(np.bitwise_or),
        "reduce_prod": _reduction(np.multiply),
        "reduce_sum": _reduction(np.add),
        "reduce_xor": _reduction(np.bitwise_xor),
        "sort": _sort,
        "top_k": _top_k,
    }
)
"""Rules of operations that combine elements of one array, or of two."""
