"""The user's functions, compiled: traced, bound to data, and reused where they compute the same."""

# SciPy's letters for matrices and radii are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from trustfit._buffers import Buffers
from trustfit._chunks import Bucket, bucket_for
from trustfit._collection import collection_paused
from trustfit._compiled import Recipe, compiled_rows, compiled_solve, head_for
from trustfit._host_functions import weigh
from trustfit._kept import DISK, Pending
from trustfit._program import Program, Start
from trustfit._settings import HostFunctions
from trustfit._state import Problem
from trustfit._traced import (
    Argument,
    Data,
    Remembered,
    Traced,
    Traces,
    UserFunctions,
    numbers_of,
)
from trustfit._types import FloatArray, NDArray, Vector
from trustfit._untraceable import is_data

_TRACES = Traces()
BUFFERS = Buffers()
_JITTED = type(jax.jit(lambda: None))
_ROWS = 1 << 13
"""Points of a chunk in which rows are evaluated for the host."""


class Model(NamedTuple):
    """The user's residuals at given data: f(x), shape (m,), and J(x), shape (m, n).

    Attributes
    ----------
    trace : Remembered
        The functions traced, and whether that is to be trusted.
    values : sequence of arrays
        Their arguments beside x.
    """

    trace: Remembered
    values: Sequence[Any]

    @property
    def traced(self) -> Traced:
        """The functions."""
        return self.trace.traced

    @property
    def m(self) -> int:
        """Number of residuals."""
        return self.trace.m

    def rows(self, x: Vector) -> tuple[FloatArray, FloatArray]:
        """Return f and J at x, shapes (m,) and (m, n), float64."""
        f, J = self._evaluate("rows", x)
        return f, J

    def residual(self, x: Vector) -> FloatArray:
        """Return f at x, shape (m,), float64."""
        (f,) = self._evaluate("residual", x)
        return f

    def host_functions(self) -> HostFunctions:
        """Return f and J for a host loop; a call of the first computes both."""
        latest: list[FloatArray] = []

        def residual(x: FloatArray) -> FloatArray:
            f, J = self.rows(x)
            latest[:] = [J]
            return f

        return HostFunctions(residual, lambda x, f: latest[0])

    def recipe(self, program: Program, start: Start, problem: Problem) -> Recipe:
        """Return what a solve has to be compiled for."""
        traced = self.traced
        bucket = None
        if traced.by_points:
            bucket = bucket_for(traced, len(start.x0), self.m, program.local)
        return Recipe(traced, program, bucket, head_for(traced, start, problem))

    def solve(
        self, program: Program, start: Start, problem: Problem
    ) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        """Return what `trustfit._compiled.compiled_solve` returns, as arrays of the host."""
        recipe = self.recipe(program, start, problem)
        DISK.tell()
        known = compiled_solve.cache_info().misses
        run = compiled_solve(recipe)
        is_new = compiled_solve.cache_info().misses > known
        with collection_paused() if is_new else nullcontext():
            return self._run(run, recipe, start, problem)

    def _run(
        self, run: Callable[..., Any], recipe: Recipe, start: Start, problem: Problem
    ) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        packed, rows = run(*self._arguments_of(recipe, start, problem))
        # Copies, as what leaves the device is read-only; and buffers must not be read any more.
        return np.array(packed), tuple(np.array(one) for one in rows)

    def _arguments_of(self, recipe: Recipe, start: Start, problem: Problem) -> tuple[Any, ...]:
        traced, bucket = self.traced, recipe.bucket
        numbers = numbers_of(traced, self.values)
        head = recipe.head.fill(start, problem, numbers, self.m)
        if bucket is None:
            return np.concatenate(head), (), self.arguments("shared", "points")
        if bucket.packed:
            return self._one_vector(head, bucket), (), ()
        arrays = self.padded(self.points(), bucket, 0, self.m)
        return np.concatenate(head), tuple(arrays), self.arguments("shared")

    def lowered(
        self, recipe: Recipe, start: Start, problem: Problem, *, rows: bool
    ) -> list[Pending]:
        """Return a solve, and the evaluation of rows if that is asked for, lowered for XLA.

        Once they are compiled, or loaded where they are found on disk, calls find them so.
        """
        DISK.tell()
        with collection_paused():
            solve = compiled_solve(recipe)
            found = [solve.prepare(*self._arguments_of(recipe, start, problem))]
            if rows:
                chunks = self._chunks_for_rows() if self.traced.by_points else [(0, 0, ())]
                arguments = self._arguments_for_rows(start.x0, next(iter(chunks))[2])
                found.append(compiled_rows(self.traced, "rows").prepare(*arguments))
        return found

    def is_kept(self, recipe: Recipe, start: Start, problem: Problem) -> bool:
        """Return whether there may be a program of a solve on disk."""
        return compiled_solve(recipe).is_kept(*self._arguments_of(recipe, start, problem))

    def arguments(self, *kinds: str) -> tuple[Any, ...]:
        """Return the values of the arguments of some kinds."""
        pairs = zip(self.values, self.traced.arguments, strict=True)
        return tuple(value for value, argument in pairs if argument.kind in kinds)

    def points(self) -> list[tuple[NDArray[Any], Argument]]:
        """Return the arrays with points, shape (size, m), and what they are."""
        found: list[tuple[NDArray[Any], Argument]] = []
        for value, argument in zip(self.values, self.traced.arguments, strict=True):
            if argument.kind == "points":
                last = np.moveaxis(np.asarray(value), argument.axis, -1)
                found.append((last.reshape(-1, self.m), argument))
        return found

    def _one_vector(self, head: list[FloatArray], bucket: Bucket) -> FloatArray:
        length = sum(part.size for part in head)
        points = self.points()
        total = length + sum(len(array) for array, _ in points) * bucket.capacity
        (vector,) = BUFFERS.get([((total,), np.float64)])
        np.concatenate(head, out=vector[:length])
        at = length
        for array, _ in points:
            for row in array:
                vector[at : at + self.m] = row
                at += bucket.capacity
        return vector

    def padded(
        self, points: Sequence[tuple[NDArray[Any], Argument]], bucket: Bucket, first: int, last: int
    ) -> list[NDArray[Any]]:
        """Return the points from first to last with room for more, up to whole chunks of them.

        The last point stands for those that are missing: no function that is finite for all others
        is otherwise for it.
        """
        count = last - first
        used = -(-count // bucket.width) * bucket.width
        buffers = BUFFERS.get([((len(a), bucket.capacity), a.dtype) for a, _ in points])
        for buffer, (array, _) in zip(buffers, points, strict=True):
            buffer[:, :count] = array[:, first:last]
            buffer[:, count:used] = array[:, last - 1 : last]
        return buffers

    def _chunks_for_rows(self) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """Yield the first and the last point of each chunk, and its arrays."""
        points = self.points()
        for first in range(0, self.m, _ROWS):
            last = min(first + _ROWS, self.m)
            yield first, last, tuple(self.padded(points, Bucket(_ROWS, 1, _ROWS), first, last))

    def _arguments_for_rows(self, x: Vector, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        numbers = numbers_of(self.traced, self.values)
        if not self.traced.by_points:
            return x, numbers, (), self.arguments("shared", "points")
        return x, numbers, arrays, self.arguments("shared")

    def _evaluate(self, what: Any, x: Vector) -> tuple[FloatArray, ...]:
        run = compiled_rows(self.traced, what)
        if not self.traced.by_points:
            return tuple(np.array(one) for one in run(*self._arguments_for_rows(x, ())))
        shapes = [(self.m,), (self.m, len(x))][: 1 if what == "residual" else 2]
        results = tuple(np.empty(shape) for shape in shapes)
        for first, last, arrays in self._chunks_for_rows():
            parts = run(*self._arguments_for_rows(x, arrays))
            for result, part in zip(results, parts, strict=True):
                result[first:last] = np.asarray(part)[: last - first]
        return results


def _model(functions: UserFunctions, n: int, data: Data) -> Model:
    trace = _TRACES.get(functions, n, data)
    return Model(trace, (*trace.constants, *jax.tree.leaves(data)))


def _real(value: Any, name: str) -> jax.Array:
    array = jnp.asarray(value)
    if jnp.iscomplexobj(array):
        raise ValueError(
            f"`{name}` must return real numbers; got {array.dtype}. "
            "Return real and imaginary parts as two residuals."
        )
    return array.astype(np.float64)


class Arguments(NamedTuple):
    """Further arguments of a residual function, positional and by name."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def select(self, keep: Callable[[Any], bool]) -> "Arguments":
        """Return the arguments with None in place of those that are not kept."""
        return Arguments(
            tuple(value if keep(value) else None for value in self.args),
            {name: value if keep(value) else None for name, value in self.kwargs.items()},
        )

    def merge(self, other: "Arguments") -> "Arguments":
        """Return the arguments with the values of `other` wherever it has one."""
        return Arguments(
            tuple(a if b is None else b for a, b in zip(self.args, other.args, strict=True)),
            {name: self.kwargs[name] if b is None else b for name, b in other.kwargs.items()},
        )


def _residual(
    fun: Callable[..., Any], fixed: Arguments, x: jax.Array, data: Arguments
) -> jax.Array:
    args, kwargs = fixed.merge(data)
    f = jnp.atleast_1d(_real(fun(x, *args, **kwargs), "fun"))
    if f.ndim != 1:
        raise ValueError(
            f"`fun` must return an array of shape (m,); got {f.shape}. Return its `.ravel()`."
        )
    return f


def _jacobian(
    jac: Callable[..., Any], fixed: Arguments, x: jax.Array, data: Arguments
) -> jax.Array:
    args, kwargs = fixed.merge(data)
    return jnp.atleast_2d(_real(jac(x, *args, **kwargs), "jac"))


def residual_model(
    fun: Callable[..., Any],
    jac: Callable[..., Any] | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    n: int,
) -> Model:
    """Return the model of ``fun(x, *args, **kwargs)``, x having shape (n,).

    Arrays among `args` and the values of `kwargs` are data; everything else is part of what the
    function is. `jac` is called like `fun`; without it the Jacobian is `fun`'s own derivative.
    """
    everything = Arguments(args, kwargs)
    data = everything.select(is_data)
    fixed = everything.select(lambda value: not is_data(value))
    own = None if jac is None else partial(_jacobian, _as_written(jac), fixed)
    what = (fun, jac, fixed.args, tuple(fixed.kwargs.items()))
    functions = UserFunctions(
        what, "least_squares", partial(_residual, _as_written(fun), fixed), own
    )
    return _model(functions, n, data)


class CurveData(NamedTuple):
    """Abscissae, ordinates, and the weights of the residuals (None where all count alike).

    `transform` holds a factor for each, shape (m,), or the matrix to multiply by, shape (m, m).
    """

    x: FloatArray
    y: FloatArray
    transform: FloatArray | None


def _curve_residual(f: Callable[..., Any], params: jax.Array, data: CurveData) -> jax.Array:
    value, shape = _real(f(data.x, *params), "f"), data.y.shape
    if value.shape not in ((), (1,), shape):
        raise ValueError(
            f"`f` must return an array of the shape of `ydata`, {shape}; got {value.shape}. "
            "Return one number for each point."
        )
    return weigh(data.transform, value - data.y)


def _curve_jacobian(jac: Callable[..., Any], params: jax.Array, data: CurveData) -> jax.Array:
    return weigh(data.transform, jnp.atleast_2d(_real(jac(data.x, *params), "jac")))


def _as_written(function: Callable[..., Any] | None) -> Any:
    """Return what a jitted function was made of: JAX would answer with its own, older trace."""
    while isinstance(function, _JITTED):
        function = function.__wrapped__  # pyright: ignore[reportAttributeAccessIssue]
    return function


def curve_functions(f: Callable[..., Any], jac: Callable[..., Any] | None) -> UserFunctions:
    """Return the functions of ``(f(x, *params) - y) * transform``; `jac` is called like `f`."""
    own = None if jac is None else partial(_curve_jacobian, _as_written(jac))
    return UserFunctions((f, jac), "curve_fit", partial(_curve_residual, _as_written(f)), own)


def curve_model(
    f: Callable[..., Any], jac: Callable[..., Any] | None, data: CurveData, n: int
) -> Model:
    """Return the model of `curve_functions` with n parameters at given data."""
    return _model(curve_functions(f, jac), n, data)
