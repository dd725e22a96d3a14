"""What each of JAX's operations does to values at one point (`trustfit._rowwise`).

A rule takes an equation of the whole fit and the values of its operands at one point. It returns
its results there, by the same operation on the axes that are left, or refuses it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from trustfit._rowwise_values import (
    Axis,
    Value,
    align,
    broadcast,
    conform,
    join,
    made,
    only_kept,
    positions,
    refuse,
    shared,
    whole_along,
)

Rule = Callable[[Any, list[Value]], list[Value]]


def _bind(equation: Any, operands: Iterable[Value], **changed: Any) -> list[Any]:
    """Return the arrays that an equation's operation makes, with some parameters changed."""
    arrays = (operand.array for operand in operands)
    results = equation.primitive.bind(*arrays, **{**equation.params, **changed})
    return list(results) if equation.primitive.multiple_results else [results]


def _results(equation: Any, arrays: Iterable[Any], axes: Sequence[Axis]) -> list[Value]:
    shapes = (variable.aval.shape for variable in equation.outvars)
    name = equation.primitive.name
    return [made(name, *of_one, axes) for of_one in zip(arrays, shapes, strict=True)]


def as_it_is(equation: Any, operands: list[Value]) -> list[Value]:
    """Evaluate an operation of which nothing is known, on values that all points share."""
    if any(operand.carries_points for operand in operands):
        refuse(equation.primitive.name, "is not known to take the points one by one")
    arrays = [conform(one, (Axis.KEPT,) * len(one.shape)).array for one in operands]
    parameters = equation.primitive.get_bind_params(equation.params)
    results = equation.primitive.bind(*arrays, **parameters)
    results = results if equation.primitive.multiple_results else [results]
    return [
        shared(array, variable.aval.shape)
        for array, variable in zip(results, equation.outvars, strict=True)
    ]


def _elementwise(equation: Any, operands: list[Value]) -> list[Value]:
    """Operands are scalars or of one rank; axes of length 1 are repeated."""
    name, shape = equation.primitive.name, equation.outvars[0].aval.shape
    operands = [
        broadcast(name, one, shape, range(len(shape))) if one.shape else one for one in operands
    ]
    operands = align(name, operands)
    axes = next((operand.axes for operand in operands if operand.shape), ())
    return _results(equation, _bind(equation, operands), axes)


def _unchanged(equation: Any, operands: list[Value]) -> list[Value]:
    return operands


def _broadcast_in_dim(equation: Any, operands: list[Value]) -> list[Value]:
    shape, places = equation.params["shape"], equation.params["broadcast_dimensions"]
    return [broadcast(equation.primitive.name, operands[0], shape, places)]


def _iota(equation: Any, operands: list[Value]) -> list[Value]:
    shape, dimension = equation.params["shape"], equation.params["dimension"]
    axes = [Axis.UNIFORM] * len(shape)
    axes[dimension] = Axis.KEPT
    arrays = _bind(equation, operands, shape=(shape[dimension],), dimension=0)
    return _results(equation, arrays, axes)


def _squeeze(equation: Any, operands: list[Value]) -> list[Value]:
    (value,) = operands
    gone = equation.params["dimensions"]
    if any(value.axes[axis] is Axis.POINTS for axis in gone):
        refuse("squeeze", "takes a point out of the points")
    axes = [axis for place, axis in enumerate(value.axes) if place not in gone]
    array = lax.squeeze(value.array, positions(value.axes, gone))
    return _results(equation, [array], axes)


def _transpose(equation: Any, operands: list[Value]) -> list[Value]:
    (value,) = operands
    order = equation.params["permutation"]
    array = lax.transpose(value.array, positions(value.axes, order))
    return _results(equation, [array], [value.axes[axis] for axis in order])


def _regrouped(
    before: Sequence[int], after: Sequence[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the axes before and after a reshape that hold the same elements, the fewest possible.

    Axes of length 1 are left out.
    """
    old = [axis for axis, length in enumerate(before) if length != 1]
    new = [axis for axis, length in enumerate(after) if length != 1]
    while old:
        from_, to = [old.pop(0)], [new.pop(0)]
        while (a := math.prod(before[i] for i in from_)) != (b := math.prod(after[i] for i in to)):
            if a < b:
                from_.append(old.pop(0))
            else:
                to.append(new.pop(0))
        yield from_, to


def _reshape(equation: Any, operands: list[Value]) -> list[Value]:
    value, after = operands[0], equation.params["new_sizes"]
    point = value.axes.index(Axis.POINTS) if value.carries_points else None
    plain = len(operands) == 1 and equation.params["dimensions"] is None and 0 not in value.shape
    if not plain or (point is not None and value.shape[point] == 1):
        return as_it_is(equation, operands)
    axes = [Axis.UNIFORM] * len(after)
    for old, new in _regrouped(value.shape, after):
        kinds = {value.axes[axis] for axis in old}
        if len(old) == len(new) == 1 or kinds == {Axis.UNIFORM}:
            kind = value.axes[old[0]]
        elif Axis.POINTS in kinds:
            refuse("reshape", "mixes the points with another axis")
        else:
            kind = Axis.KEPT
            value = whole_along("reshape", value, old)
        for axis in new:
            axes[axis] = kind
    array = lax.reshape(value.array, only_kept(axes, after))
    return _results(equation, [array], axes)


def _along(parameter: str) -> Rule:
    """Return the rule of an operation along an axis or some, which `parameter` names."""

    def rule(equation: Any, operands: list[Value]) -> list[Value]:
        name, given = equation.primitive.name, equation.params[parameter]
        along = tuple(given) if isinstance(given, tuple | list) else (given,)
        operands = align(name, operands, along)
        axes = operands[0].axes
        places = positions(axes, along)
        changed = {parameter: places if isinstance(given, tuple | list) else places[0]}
        arrays = _bind(equation, operands, **changed)
        if len(equation.outvars[0].aval.shape) < len(axes):
            axes = [axis for place, axis in enumerate(axes) if place not in along]
        return _results(equation, arrays, axes)

    return rule


def _stack(equation: Any, operands: list[Value]) -> list[Value]:
    operands = align("stack", operands)
    at, axes = equation.params["axis"], list(operands[0].axes)
    arrays = _bind(equation, operands, axis=axes[:at].count(Axis.KEPT))
    return _results(equation, arrays, [*axes[:at], Axis.KEPT, *axes[at:]])


def _fft(equation: Any, operands: list[Value]) -> list[Value]:
    rank, transformed = len(operands[0].shape), len(equation.params["fft_lengths"])
    operands = align("fft", operands, range(rank - transformed, rank))
    return _results(equation, _bind(equation, operands), operands[0].axes)


def _pad(equation: Any, operands: list[Value]) -> list[Value]:
    config = equation.params["padding_config"]
    padded = [axis for axis, amounts in enumerate(config) if any(amounts)]
    value, filling = align("pad", operands, padded)
    arrays = _bind(equation, [value, filling], padding_config=only_kept(value.axes, config))
    return _results(equation, arrays, value.axes)


def _tile(equation: Any, operands: list[Value]) -> list[Value]:
    reps = equation.params["reps"]
    (value,) = align("tile", operands, [axis for axis, count in enumerate(reps) if count != 1])
    return _results(
        equation, _bind(equation, [value], reps=only_kept(value.axes, reps)), value.axes
    )


def _cut(name: str, value: Value, shape: Sequence[int]) -> None:
    """Refuse to take some of the points; of a uniform axis any part is as good."""
    for axis, before, after in zip(value.axes, value.shape, shape, strict=True):
        if axis is Axis.POINTS and before != after:
            refuse(name, "takes some of the points")


def _slice(equation: Any, operands: list[Value]) -> list[Value]:
    (value,) = operands
    # As many as there are, with steps of 1 or more: all, and in order.
    _cut("slice", value, equation.outvars[0].aval.shape)
    each = {key: equation.params[key] for key in ("start_indices", "limit_indices", "strides")}
    changed = {key: one and only_kept(value.axes, one) for key, one in each.items()}
    return _results(equation, _bind(equation, [value], **changed), value.axes)


def _dynamic_slice(equation: Any, operands: list[Value]) -> list[Value]:
    value, *starts = operands
    sizes = equation.params["slice_sizes"]
    # A slice of the full length begins at 0 whatever the index: it is clamped.
    _cut("dynamic_slice", value, sizes)
    kept = [value, *only_kept(value.axes, starts)]
    arrays = _bind(equation, kept, slice_sizes=only_kept(value.axes, sizes))
    return _results(equation, arrays, value.axes)


def _dynamic_update_slice(equation: Any, operands: list[Value]) -> list[Value]:
    value, update, *starts = operands
    lengths = enumerate(zip(value.shape, update.shape, strict=True))
    partial = [axis for axis, (all_, some) in lengths if all_ != some]
    value, update = align("dynamic_update_slice", [value, update], partial)
    arrays = _bind(equation, [value, update, *only_kept(value.axes, starts)])
    return _results(equation, arrays, value.axes)


def _dot_general(equation: Any, operands: list[Value]) -> list[Value]:
    (contracted, batch), name = equation.params["dimension_numbers"], "dot_general"
    lhs, rhs = (whole_along(name, *one) for one in zip(operands, contracted, strict=True))
    axes = [list(lhs.axes), list(rhs.axes)]
    for left, right in zip(*batch, strict=True):
        axes[0][left] = axes[1][right] = join(name, lhs.axes[left], rhs.axes[right])
    lhs, rhs = conform(lhs, axes[0]), conform(rhs, axes[1])
    numbers = tuple(
        tuple(positions(value.axes, of_one) for value, of_one in zip((lhs, rhs), pair, strict=True))
        for pair in (contracted, batch)
    )
    result = [lhs.axes[axis] for axis in batch[0]]
    for value, *taken in zip((lhs, rhs), contracted, batch, strict=True):
        gone = {*taken[0], *taken[1]}
        result += [axis for place, axis in enumerate(value.axes) if place not in gone]
    return _results(equation, _bind(equation, [lhs, rhs], dimension_numbers=numbers), result)


def _gather(equation: Any, operands: list[Value]) -> list[Value]:
    """Look up in a table: of all points, at places that differ from point to point; or reversed.

    The lookups of one point do not depend on those of others, whatever the mode.
    """
    table, places = operands
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    pairs = (numbers.operand_batching_dims, numbers.start_indices_batching_dims)
    paired = dict(zip(*pairs, strict=True))
    indexed = {*numbers.start_index_map, *numbers.collapsed_slice_dims} - set(paired)
    places = whole_along("gather", places, [len(places.shape) - 1])
    of_table, of_places = list(table.axes), list(places.axes)
    for axis, kind in enumerate(table.axes):
        if axis in paired:
            joined = join("gather", kind, places.axes[paired[axis]])
            of_table[axis] = of_places[paired[axis]] = joined
        elif kind is not Axis.POINTS:
            of_table[axis] = Axis.KEPT
        elif axis in indexed or sizes[axis] != table.shape[axis]:
            refuse("gather", "looks up values among the points")
    table, places = conform(table, of_table), conform(places, of_places)

    sliced = {*numbers.collapsed_slice_dims, *paired}
    along = iter([axis for place, axis in enumerate(of_table) if place not in sliced])
    across = iter(of_places[:-1])
    rank = len(equation.outvars[0].aval.shape)
    result = [next(along if axis in numbers.offset_dims else across) for axis in range(rank)]
    changed = numbers._replace(
        offset_dims=positions(result, numbers.offset_dims),
        collapsed_slice_dims=positions(of_table, numbers.collapsed_slice_dims),
        start_index_map=positions(of_table, numbers.start_index_map),
        operand_batching_dims=positions(of_table, pairs[0]),
        start_indices_batching_dims=positions(of_places, pairs[1]),
    )
    arrays = _bind(
        equation,
        [table, places],
        dimension_numbers=changed,
        slice_sizes=only_kept(of_table, sizes),
        # What was promised of all points need not hold for repeated or rearranged ones.
        indices_are_sorted=False,
        unique_indices=False,
    )
    return _results(equation, arrays, result)


def _hi_primitive(equation: Any, operands: list[Value]) -> list[Value]:
    """Take the operations that newer versions of JAX do not spell out in a trace."""
    search = equation.params.get("_prim")
    if type(search).__name__ != "SearchSorted" or len(operands[0].shape) != 1:
        return as_it_is(equation, operands)
    table = whole_along("searchsorted", operands[0], [0])
    (places,) = equation.outvars
    method, side = search.params["method"], search.params["side"]
    found = jnp.searchsorted(table.array, operands[1].array, side=side, method=method)
    return _results(equation, [found.astype(places.aval.dtype)], operands[1].axes)


_ELEMENTWISE = (
    "abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil "
    "clamp clz complex conj convert_element_type copy cos cosh digamma div eq eq_to erf erf_inv "
    "erfc exp exp2 expm1 floor ge gt igamma igamma_grad_a igammac imag integer_pow is_finite le "
    "le_to lgamma log log1p log2 logistic lt lt_to max min mul mulhi name ne neg nextafter not "
    "one_minus_square or polygamma polynomial population_count pow real "
    "reduce_precision regularized_incomplete_beta rem round rsqrt select_n shift_left "
    "shift_right_arithmetic shift_right_logical sign sin sinh sqrt square stop_gradient sub tan "
    "tanh xor zeta"
)

_ALONG = {
    "axis": "cumlogsumexp cummax cummin cumprod cumsum split top_k unstack",
    "axes": (
        "argmax argmin reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum reduce_xor"
    ),
    "dimension": "concatenate sort",
    "dimensions": "rev",
}

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _elementwise),
    **{name: _along(key) for key, names in _ALONG.items() for name in names.split()},
    "broadcast_in_dim": _broadcast_in_dim,
    "call_hi_primitive": _hi_primitive,
    "device_put": _unchanged,
    "dot_general": _dot_general,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "fft": _fft,
    "gather": _gather,
    "iota": _iota,
    "optimization_barrier": _unchanged,
    "pad": _pad,
    "reshape": _reshape,
    "slice": _slice,
    "squeeze": _squeeze,
    "stack": _stack,
    "tile": _tile,
    "transpose": _transpose,
}
"""By name; an operation that has none is evaluated on shared values, and refused points."""
