"""Gather, scatter and dynamic slices: indices out of range are clamped, filled or dropped.

An operand's axes are taken one by one: for each there is an array of indices, and all of them
broadcast to one shape, that of the windows at every place: first the axes of the places, then those
of the operand, of which a window has one element or several.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from trustfit._interpreter_values import Function, Rule, dtype_of, refuse, shape_of


def _clamped(starts: Sequence[Any], shape: Sequence[int], sizes: Sequence[int]) -> list[int]:
    return [
        min(max(int(start), 0), length - size)
        for start, length, size in zip(starts, shape, sizes, strict=True)
    ]


def _dynamic_slice(equation: Any) -> Function:
    sizes, shape = equation.params["slice_sizes"], shape_of(equation.invars[0])

    def part(x: Any, *starts: Any) -> Any:
        first = _clamped(starts[: len(shape)], shape, sizes)
        return x[tuple(slice(one, one + size) for one, size in zip(first, sizes, strict=True))]

    return part


def _dynamic_update_slice(equation: Any) -> Function:
    shape, sizes = shape_of(equation.invars[0]), shape_of(equation.invars[1])

    def update(x: Any, part: Any, *starts: Any) -> Any:
        first = _clamped(starts, shape, sizes)
        result = np.array(x)
        result[tuple(slice(one, one + size) for one, size in zip(first, sizes, strict=True))] = part
        return result

    return update


class _Windows(NamedTuple):
    """Windows of an operand at places that an array of indices tells.

    Attributes
    ----------
    shape : tuple of int
        Of the operand.
    sizes : tuple of int
        Of a window, one for each of the operand's axes.
    indexed : tuple of int
        Which axis each of the indices belongs to.
    operand_batch, index_batch : tuple of int
        Axes of operand and indices that go along with each other.
    places : tuple of int
        The shape of the indices without their last axis.
    mode : str
        What becomes of a window that is not all inside.
    """

    shape: tuple[int, ...]
    sizes: tuple[int, ...]
    indexed: tuple[int, ...]
    operand_batch: tuple[int, ...]
    index_batch: tuple[int, ...]
    places: tuple[int, ...]
    mode: str

    def locate(self, indices: Any) -> tuple[tuple[Any, ...], Any]:
        """Return an index for each of the operand's axes, and at which places windows are inside.

        All are of the shape `places` + `sizes` once they are broadcast; the second is None if it
        does not matter.
        """
        signed = np.asarray(indices).astype(np.int64)
        rank = len(self.shape)
        inside: Any = None if self.mode != "FILL_OR_DROP" else np.ones(self.places, bool)
        found: list[Any] = []
        for axis, (length, size) in enumerate(zip(self.shape, self.sizes, strict=True)):
            if axis in self.indexed:
                start = signed[..., self.indexed.index(axis)]
                clamped = np.clip(start, 0, length - size)
                if inside is not None:
                    inside &= start == clamped
            elif axis in self.operand_batch:
                along = self.index_batch[self.operand_batch.index(axis)]
                count = self.places[along]
                clamped = np.arange(count).reshape(
                    [count if place == along else 1 for place in range(len(self.places))]
                )
            else:
                clamped = np.zeros((1,) * len(self.places), np.int64)
            window = np.arange(size).reshape([size if one == axis else 1 for one in range(rank)])
            found.append(clamped.reshape(*clamped.shape, *(1,) * rank) + window)
        if inside is not None:
            inside = inside.reshape(*inside.shape, *(1,) * rank)
        return tuple(found), inside


def _mode(equation: Any) -> str:
    mode = getattr(equation.params["mode"], "name", None)
    if mode not in ("CLIP", "FILL_OR_DROP", "PROMISE_IN_BOUNDS"):
        refuse(equation, f"with the mode {mode}")
    return mode


def _fill_value(equation: Any) -> Any:
    given, dtype = equation.params["fill_value"], dtype_of(equation.outvars[0])
    if given is not None:
        return dtype.type(given)
    if dtype.kind in "fc":
        return dtype.type(np.nan)
    if dtype.kind == "i":
        return np.iinfo(dtype).min
    return np.iinfo(dtype).max if dtype.kind == "u" else True


def _gather(equation: Any) -> Function:
    numbers = equation.params["dimension_numbers"]
    shape = shape_of(equation.outvars[0])
    windows = _Windows(
        shape_of(equation.invars[0]),
        tuple(equation.params["slice_sizes"]),
        tuple(numbers.start_index_map),
        tuple(numbers.operand_batching_dims),
        tuple(numbers.start_indices_batching_dims),
        shape_of(equation.invars[1])[:-1],
        _mode(equation),
    )
    gone = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    kept = [size for axis, size in enumerate(windows.sizes) if axis not in gone]
    places = len(windows.places)
    to = list(numbers.offset_dims)
    fill = _fill_value(equation)

    def gather(x: Any, indices: Any) -> Any:
        index, inside = windows.locate(indices)
        found = np.broadcast_to(x[index], (*windows.places, *windows.sizes))
        if inside is not None:
            found = np.where(inside, found, fill)
        found = found.reshape((*windows.places, *kept))
        return np.moveaxis(found, range(places, places + len(kept)), to).reshape(shape)

    return gather


_CHANGES: Mapping[str, Any] = {
    "scatter": None,
    "scatter-add": np.add,
    "scatter-max": np.maximum,
    "scatter-min": np.minimum,
    "scatter-mul": np.multiply,
    "scatter-sub": np.subtract,
}


def _scatter(equation: Any) -> Function:
    change = _CHANGES[equation.primitive.name.replace("_", "-")]
    numbers = equation.params["dimension_numbers"]
    shape, updates = shape_of(equation.invars[0]), shape_of(equation.invars[2])
    to = list(numbers.update_window_dims)
    gone = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    lengths = iter([updates[axis] for axis in to])
    sizes = tuple(1 if axis in gone else next(lengths) for axis in range(len(shape)))
    windows = _Windows(
        shape,
        sizes,
        tuple(numbers.scatter_dims_to_operand_dims),
        tuple(numbers.operand_batching_dims),
        tuple(numbers.scatter_indices_batching_dims),
        shape_of(equation.invars[1])[:-1],
        _mode(equation),
    )
    whole = (*windows.places, *sizes)
    places = len(windows.places)

    def scatter(x: Any, indices: Any, parts: Any) -> Any:
        result = np.array(x)
        if not math.prod(whole):
            return result
        index, inside = windows.locate(indices)
        parts = np.moveaxis(parts, to, range(places, places + len(to))).reshape(whole)
        index = tuple(np.broadcast_to(one, whole) for one in index)
        if inside is not None:
            mask = np.broadcast_to(inside, whole)
            index, parts = tuple(one[mask] for one in index), parts[mask]
        if change is None:
            result[index] = parts
        else:
            change.at(result, index, parts)
        return result

    return scatter


INDEXING: Mapping[str, Rule] = MappingProxyType(
    {
        "dynamic_slice": _dynamic_slice,
        "dynamic_update_slice": _dynamic_update_slice,
        "gather": _gather,
        **dict.fromkeys(_CHANGES, _scatter),
        **dict.fromkeys([name.replace("-", "_") for name in _CHANGES], _scatter),
    }
)
"""Rules of operations that find their elements by indices."""
