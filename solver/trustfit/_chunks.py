"""The rows of a row-wise model, reduced chunk by chunk: never more than one chunk is held.

How many points there are is an argument of a program. So one program serves every length up to
its capacity, by as many chunks as it takes; what is behind the last point is left out by a mask.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from trustfit import _lax_numpy as lnp
from trustfit._algebra import triangle
from trustfit._inspection import inner_jaxprs
from trustfit._jaxpr import ClosedJaxpr, jaxpr_as_fun
from trustfit._losses import rho_of, row_scales
from trustfit._program import Evaluate, Program
from trustfit._scalars import is_variable, of_scalars
from trustfit._state import Evaluation
from trustfit._traced import Traced, point_shape
from trustfit._values import Value


class Bucket(NamedTuple):
    """How points are laid out: `streams` blocks of them at a time, `capacity` in all.

    Several streams are for several cores. `kernel` says that all of the solve is one kernel, with a
    loop over blocks that sums every product by itself; `packed` that its data and its head are one
    vector.
    """

    capacity: int
    streams: int
    block: int
    kernel: bool = False
    packed: bool = False

    @property
    def width(self) -> int:
        """Number of points taken at a time."""
        return self.streams * self.block


# Up to 128 points, one at a time: XLA runs a program on the caller's thread only if it counts less
# than a thousand operations in it, loops being counted once. More of them are worth the hop to
# another thread, and the processor's vectors. On one core a kernel takes half as long as chunks
# on two.
_KERNELS = (
    Bucket(1 << 7, 1, 1, kernel=True, packed=True),
    Bucket(1 << 10, 1, 32, kernel=True, packed=True),
    Bucket(1 << 15, 1, 64, kernel=True),
    Bucket(1 << 18, 1, 128, kernel=True),
    Bucket(1 << 20, 1, 64, kernel=True),
)
_CHUNKS = (
    Bucket(1 << 15, 1, 1 << 10),
    Bucket(1 << 18, 1, 1 << 12),
    Bucket(1 << 20, 8, 1 << 13),
)

MOST_AT_ONCE = _KERNELS[-1].capacity
"""Points up to which a program takes all of them, and does the whole solve."""

SEGMENT = 1 << 18
"""Points that are taken at a time where there are more."""

_MOST_UNROLLED = 5
"""Variables up to which a loop over points sums each product by itself."""

_SIMPLE = frozenset().union(
    ("add", "sub", "mul", "div", "rem", "neg", "abs", "sign", "max", "min", "clamp", "square"),
    ("exp", "exp2", "expm1", "log", "log1p", "logistic", "pow", "integer_pow", "sqrt", "rsqrt"),
    ("cbrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh"),
    ("asinh", "acosh", "atanh", "erf", "erfc", "lgamma", "digamma", "floor", "ceil", "round"),
    ("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "is_finite", "select_n"),
    ("broadcast_in_dim", "concatenate", "convert_element_type", "copy", "reshape", "slice"),
    ("squeeze", "transpose", "unstack", "pad", "reduce_max", "reduce_min", "reduce_sum"),
    ("add_any", "custom_jvp_call", "stop_gradient", "jit", "pjit"),
)
"""Elementwise operations and changes of shape, of which a kernel may consist."""

_LARGEST_SHARED = 64


def bucket_for(traced: Traced, n: int, m: int, local: str) -> Bucket:
    """Return the layout for m points, at most `MOST_AT_ONCE`."""
    buckets = _KERNELS if _in_kernel(traced, n, local) else _CHUNKS
    return next(bucket for bucket in buckets if m <= bucket.capacity)


def segment_for(traced: Traced, n: int, local: str) -> Bucket:
    """Return the layout for a segment of more points than that."""
    return bucket_for(traced, n, SEGMENT, local)


def _in_kernel(traced: Traced, n: int, local: str) -> bool:
    return n <= _MOST_UNROLLED and local == "gram" and is_simple(traced)


@lru_cache(maxsize=512)
def is_simple(traced: Traced) -> bool:
    """Return whether a function at one point may be part of a single kernel.

    That is known of elementwise operations on a few numbers. All data have to be float64, and all
    have to be used: XLA ends the process if a kernel does not use what it is given.
    """
    if any(one.kind == "shared" for one in traced.arguments):
        return False
    if any(one.dtype != np.float64 for one in traced.arguments):
        return False
    jaxpr = traced.jaxpr.jaxpr
    used = {atom for equation in jaxpr.eqns for atom in equation.invars if is_variable(atom)}
    if not used.issuperset(jaxpr.invars):
        return False
    return _is_simple(jaxpr) and (not _has_own_rules(jaxpr) or _is_simple(_derivative(traced)))


def _has_own_rules(jaxpr: Any) -> bool:
    """Return whether derivatives may be anything: `jax.custom_jvp` takes any function."""
    return any(equation.primitive.name == "custom_jvp_call" for equation in jaxpr.eqns)


def _derivative(traced: Traced) -> Any:
    """Return the jaxpr of a residual at one point and its derivatives."""
    function, at = traced.function(), traced.position
    types: list[Any] = [
        jax.ShapeDtypeStruct(variable.aval.shape, variable.aval.dtype)
        for variable in traced.jaxpr.jaxpr.invars
    ]
    others = [*types[:at], *types[at + 1 :]]
    residual: Callable[..., Any] = lambda x, *all_: function(x, all_)[0]  # noqa: E731
    with jax.enable_x64(True):
        return jax.make_jaxpr(jax.value_and_grad(residual))(types[at], *others).jaxpr


def _is_simple(jaxpr: Any) -> bool:
    return all(
        equation.primitive.name in _SIMPLE
        and all(variable.aval.size <= _LARGEST_SHARED for variable in equation.outvars)
        and all(map(_is_simple, inner_jaxprs(equation)))
        for equation in jaxpr.eqns
    )


class Points(NamedTuple):
    """What a program knows of the data.

    `arrays`: for each argument with points, what belongs to them side by side, shape (size,
    capacity), or all of these one after the other in a single vector; `count`: how many there are;
    `numbers` and `shared`: the other arguments.
    """

    arrays: Sequence[Any]
    count: Any
    numbers: Any
    shared: Sequence[Any]


def arguments_of(traced: Traced, points: Points, slices: Sequence[Any]) -> list[Any]:
    """Return all arguments, with parts of the points in place of all of them."""
    numbers = iter([points.numbers[i] for i in range(points.numbers.shape[0])])
    sources = {"number": numbers, "points": iter(slices), "shared": iter(points.shared)}
    return [next(sources[argument.kind]) for argument in traced.arguments]


def chunk_rows(
    traced: Traced, x: jax.Array, points: Points, slices: Sequence[Any]
) -> tuple[jax.Array, jax.Array]:
    """Return f, shape (k,), and J transposed, shape (n, k), of k points.

    `slices` holds what belongs to them, each of shape (size, k).
    """
    shapes = [point_shape(one) for one in traced.arguments if one.kind == "points"]
    parts = [part.reshape(*shape, -1) for part, shape in zip(slices, shapes, strict=True)]
    axes = [-1 if one.kind == "points" else None for one in traced.arguments]
    function = traced.function()

    def residuals(x: jax.Array) -> Any:
        mapped = jax.vmap(lambda *all_: function(x, all_), in_axes=axes, out_axes=-1)
        return mapped(*arguments_of(traced, points, parts))

    if traced.own_jacobian:
        f, J = residuals(x)
        return f, J
    f, derivative = jax.linearize(lambda x: residuals(x)[0], x)
    return f, jax.vmap(derivative)(np.eye(len(x)))


def point_rows(
    traced: Traced, x: jax.Array, points: Points, index: Any, bucket: Bucket
) -> tuple[jax.Array, list[jax.Array]]:
    """Return f and the columns of J, shape (block,) each, of the points from an index on."""
    shapes = [point_shape(one) for one in traced.arguments if one.kind == "points"]
    if points.arrays[0].ndim == 1:
        parts = _parts_of_vector(points.arrays[0], shapes, index, bucket)
    else:
        rows = [_rows_from(array, index, bucket.block) for array in points.arrays]
        parts = [
            lax.reshape(row, (*shape, bucket.block))
            for row, shape in zip(rows, shapes, strict=True)
        ]
    arguments = arguments_of(traced, points, parts)
    axes = [-1 if one.kind == "points" else None for one in traced.arguments]
    return _derived(traced, x, arguments, axes)


def _rows_from(array: Any, start: Any, width: int) -> Any:
    return lax.dynamic_slice(array, (np.int32(0), start), (array.shape[0], width))


def _parts_of_vector(
    vector: Any, shapes: Sequence[tuple[int, ...]], index: Any, bucket: Bucket
) -> list[Any]:
    """Return what a single vector, which ends with all points, holds of those from an index on."""
    at = vector.shape[0] - bucket.capacity * sum(map(math.prod, shapes))
    parts: list[Any] = []
    for shape in shapes:
        size = math.prod(shape)
        places = [index + np.int32(at + i * bucket.capacity) for i in range(size)]
        rows = [lax.dynamic_slice(vector, (place,), (bucket.block,)) for place in places]
        parts.append(lax.reshape(lax.concatenate(rows, 0), (*shape, bucket.block)))
        at += size * bucket.capacity
    return parts


def _derived(
    traced: Traced, x: jax.Array, arguments: Sequence[Any], axes: Sequence[int | None]
) -> tuple[jax.Array, list[jax.Array]]:
    n, at, function = len(x), traced.position, traced.function()
    if traced.own_jacobian:
        f, J = jax.vmap(lambda *all_: function(x, all_), axes, -1)(*arguments)
        return f, [J[i] for i in range(n)]
    elements = [Value(x)[i].array for i in range(n)]
    apart = of_scalars(traced.jaxpr.jaxpr, at)
    evaluate = None if apart is None else jaxpr_as_fun(ClosedJaxpr(apart, ()))

    def residual(elements: tuple[Any, ...], *all_: Any) -> Any:
        if evaluate is None:
            return function(lnp.stack(elements).array, all_)[0]
        return evaluate(*all_[:at], *elements, *all_[at:])[0]

    # In reverse: all derivatives of one number at once.
    f, J = jax.vmap(jax.value_and_grad(residual), (None, *axes))(tuple(elements), *arguments)
    return f, list(J)


def _scaled(program: Program, f: Any, f_scale: Any) -> tuple[Any, Any, Any]:
    """Return the cost of residuals one by one, and the factors of J's rows and of f."""
    if program.loss == "linear":
        return None, 1.0, 1.0
    cost = 0.5 * f_scale**2 * rho_of(jnp, f, f_scale, program.loss)[0]
    J_factor, f_factor = row_scales(jnp, f, f_scale, program.loss)
    return jnp.where(jnp.isfinite(f), cost, jnp.nan), J_factor, f_factor


def evaluate_points(
    traced: Traced, program: Program, bucket: Bucket, points: Points, f_scale: Any
) -> Evaluate:
    """Return x -> cost and Gram matrix, by a loop over blocks that sums every product by itself."""

    def evaluate(x: jax.Array) -> Evaluation:
        n = len(x)
        zero = np.zeros(bucket.block)
        pairs = [(a, b) for a in range(n + 1) for b in range(a + 1)]

        def add(carried: Any) -> Any:
            index, sums, total = carried
            # The condition, which always holds, keeps the compiler from weaving the model into
            # each of the sums, and so from evaluating it several times.
            f, J = lax.cond(
                lax.ge(index, np.int32(0)),
                lambda: point_rows(traced, x, points, index, bucket),
                lambda: (zero, [zero] * n),
            )
            cost, J_factor, f_factor = _scaled(program, f, f_scale)
            z = [*J, f] if cost is None else [*(J_factor * one for one in J), f_factor * f]
            if bucket.block > 1:
                counts = lax.lt(index + np.arange(bucket.block, dtype=np.int32), points.count)
                z = [lax.select(counts, one, zero) for one in z]
                cost = None if cost is None else lax.select(counts, cost, zero)
            sums = tuple(one + z[a] * z[b] for one, (a, b) in zip(sums, pairs, strict=True))
            return index + np.int32(bucket.block), sums, () if cost is None else (total[0] + cost,)

        first = (_zero_of_all(points) + zero, *(zero,) * (len(pairs) - 1))
        start = (np.int32(0), first, () if program.loss == "linear" else (zero,))
        _, sums, total = lax.while_loop(lambda c: lax.lt(c[0], points.count), add, start)
        sums, total = jax.tree.map(lambda one: lax.reduce_sum(one, (0,)), (sums, total))
        M = _from_triangle(n + 1, sums)
        return Evaluation(_cost(program, sums[-1], total[0] if total else 0.0), M, ())

    return evaluate


def _zero_of_all(points: Points) -> Any:
    """Return zero, as something of all arrays, whether the model uses them or not.

    XLA ends the process if a kernel does not use what it is given, be it that XLA itself found out
    that it makes no difference.
    """
    zero: Any = np.float64(0.0)
    if points.arrays[0].ndim == 1:  # with the head, which is used
        return zero
    never = lax.lt(points.count, np.int32(0))
    for array in points.arrays:
        zero = lax.select(never, lax.reshape(lax.slice(array, (0, 0), (1, 1)), ()), zero)
    return zero


def _cost(program: Program, squares: Any, total: Any) -> Any:
    cost = 0.5 * squares if program.loss == "linear" else total
    return lax.select(lax.is_finite(squares + cost), cost, np.float64(np.nan))


def _from_triangle(size: int, sums: Sequence[Any]) -> Any:
    """Return the symmetric matrix with these elements on and below its diagonal, row by row."""
    places = np.zeros((size, size), int)
    places[np.tril_indices(size)] = np.arange(len(sums))
    places = np.maximum(places, places.T)
    flat = [lax.reshape(sums[place], (1,)) for place in places.ravel()]
    return lax.reshape(lax.concatenate(flat, 0), (size, size))


def evaluate_chunks(
    traced: Traced, program: Program, bucket: Bucket, points: Points, f_scale: Any
) -> Evaluate:
    """Return x -> cost and the rows reduced, by a loop over chunks."""
    reduce = {"gram": _gram_of_streams, "triangle": _triangle_of_chunk}[program.local]

    def evaluate(x: jax.Array) -> Evaluation:
        size = len(x) + 1

        def add(carried: Any) -> Any:
            index, M, total, squares = carried
            start = index * np.int32(bucket.width)
            slices = [_rows_from(array, start, bucket.width) for array in points.arrays]
            counts = start + np.arange(bucket.width, dtype=np.int32) < points.count
            with jax.named_scope("residual and Jacobian"):
                f, J = _by_streams(traced, x, points, slices, bucket)
            with jax.named_scope("reduction"):
                counts = counts.reshape(f.shape)
                cost, J_factor, f_factor = _scaled(program, f, f_scale)
                if cost is not None:
                    total = total + jnp.sum(jnp.where(counts, cost, 0.0))
                    squares = squares + jnp.sum(jnp.where(counts, f * f, 0.0))
                    J, f = J * jnp.expand_dims(J_factor, -2), f * f_factor
                rows = jnp.concatenate([J, jnp.expand_dims(f, -2)], -2)
                M = reduce(M, jnp.where(jnp.expand_dims(counts, -2), rows, 0.0))
            return index + np.int32(1), M, total, squares

        streams = (bucket.streams,) if program.local == "gram" else ()
        zero = jnp.zeros(())
        start = (np.int32(0), jnp.zeros((*streams, size, size)), zero, zero)
        chunks = (points.count + np.int32(bucket.width - 1)) // np.int32(bucket.width)
        _, M, total, squares = lax.while_loop(lambda c: lax.lt(c[0], chunks), add, start)
        if program.local == "gram":
            M = jnp.sum(M, 0)
        if program.loss == "linear":
            squares = M[-1, -1] if program.local == "gram" else jnp.sum(M[:, -1] ** 2)
        return Evaluation(_cost(program, squares, total), M, ())

    return evaluate


def _by_streams(
    traced: Traced, x: jax.Array, points: Points, slices: Sequence[Any], bucket: Bucket
) -> tuple[jax.Array, jax.Array]:
    """Return f, shape (streams, block), and J transposed, (streams, n, block), of a chunk."""
    apart = [part.reshape(part.shape[0], bucket.streams, bucket.block) for part in slices]
    stream: Callable[..., Any] = lambda *parts: chunk_rows(traced, x, points, parts)  # noqa: E731
    if bucket.streams == 1:
        f, J = stream(*(part[:, 0] for part in apart))
        return f[None], J[None]
    return jax.vmap(stream, in_axes=1)(*apart)


def _gram_of_streams(M: jax.Array, rows: jax.Array) -> jax.Array:
    return M + jax.vmap(lambda stream: stream @ stream.T)(rows)


def _triangle_of_chunk(M: jax.Array, rows: jax.Array) -> jax.Array:
    chunk = jnp.moveaxis(rows, 1, 2).reshape(-1, rows.shape[1])
    return triangle(jnp, jnp.concatenate([chunk, M]))
