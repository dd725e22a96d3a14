"""Operations that move elements without computing with them: most of NumPy's give views."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from trustfit._interpreter_values import Function, Rule, dtype_of, shape_of


def _broadcast_in_dim(equation: Any) -> Function:
    shape = shape_of(equation.outvars[0])
    single = [1] * len(shape)
    before = shape_of(equation.invars[0])
    for length, place in zip(before, equation.params["broadcast_dimensions"], strict=True):
        single[place] = length
    return lambda x, *_: np.broadcast_to(np.reshape(x, single), shape)


def _reshape(equation: Any) -> Function:
    shape, order = shape_of(equation.outvars[0]), equation.params.get("dimensions")
    if order is None:
        return lambda x, *_: np.reshape(x, shape)
    return lambda x, *_: np.transpose(x, order).reshape(shape)


def _squeeze(equation: Any) -> Function:
    shape = shape_of(equation.outvars[0])
    return lambda x: np.reshape(x, shape)


def _transpose(equation: Any) -> Function:
    order = equation.params["permutation"]
    return lambda x: np.transpose(x, order)


def _rev(equation: Any) -> Function:
    axes = tuple(equation.params["dimensions"])
    return lambda x: np.flip(x, axes)


def _slice(equation: Any) -> Function:
    starts, limits = equation.params["start_indices"], equation.params["limit_indices"]
    steps = equation.params["strides"] or (1,) * len(starts)
    index = tuple(map(slice, starts, limits, steps))
    return lambda x: x[index]


def _concatenate(equation: Any) -> Function:
    axis = equation.params["dimension"]
    return lambda *parts: np.concatenate(parts, axis)


def _split(equation: Any) -> Function:
    axis = equation.params["axis"]
    places = np.cumsum(equation.params["sizes"])[:-1]
    return lambda x: tuple(np.split(x, places, axis))


def _unstack(equation: Any) -> Function:
    axis = equation.params.get("axis", 0)
    return lambda x: tuple(np.moveaxis(x, axis, 0))


def _stack(equation: Any) -> Function:
    axis = equation.params.get("axis", 0)
    return lambda *parts: np.stack(parts, axis)


def _iota(equation: Any) -> Function:
    shape, axis = shape_of(equation.outvars[0]), equation.params["dimension"]
    single = [1] * len(shape)
    single[axis] = shape[axis]
    values = np.arange(shape[axis]).astype(dtype_of(equation.outvars[0])).reshape(single)
    whole = np.broadcast_to(values, shape)
    return lambda *_: whole


def _empty(equation: Any) -> Function:
    whole = np.zeros(shape_of(equation.outvars[0]), dtype_of(equation.outvars[0]))
    return lambda *_: whole


def _inner(low: int, length: int, high: int, between: int) -> tuple[slice, slice]:
    """Return where the elements of an axis go, and which of them: those that are not cut off."""
    step = between + 1
    first = max(0, -(low // step)) if low < 0 else 0
    last = length
    size = low + high + length + max(length - 1, 0) * between
    while last > first and low + (last - 1) * step >= size:
        last -= 1
    start = low + first * step
    return slice(start, max(start, low + (last - 1) * step + 1), step), slice(first, last)


def _pad(equation: Any) -> Function:
    shape = shape_of(equation.outvars[0])
    widths: Sequence[tuple[int, int, int]] = equation.params["padding_config"]
    before = shape_of(equation.invars[0])
    parts = [
        _inner(low, n, high, between)
        for (low, high, between), n in zip(widths, before, strict=True)
    ]
    to, from_ = tuple(one for one, _ in parts), tuple(one for _, one in parts)

    def pad(x: Any, value: Any) -> Any:
        result = np.full(shape, value)
        result[to] = x[from_]
        return result

    return pad


def _tile(equation: Any) -> Function:
    repeats = equation.params["reps"]
    return lambda x: np.tile(x, repeats)


def _platform_index(equation: Any) -> Function:
    """Say which of the ways to compute something is the one for processors like this one."""
    platforms = equation.params["platforms"]
    known = (i for i, names in enumerate(platforms) if names is None or "cpu" in names)
    index = np.int32(next(known))
    return lambda: index


SHAPES: Mapping[str, Rule] = MappingProxyType(
    {
        "broadcast_in_dim": _broadcast_in_dim,
        "concatenate": _concatenate,
        "empty2": _empty,
        "iota": _iota,
        "pad": _pad,
        "platform_index": _platform_index,
        "reshape": _reshape,
        "rev": _rev,
        "slice": _slice,
        "split": _split,
        "squeeze": _squeeze,
        "stack": _stack,
        "tile": _tile,
        "transpose": _transpose,
        "unstack": _unstack,
    }
)
"""Rules of operations on shapes."""
