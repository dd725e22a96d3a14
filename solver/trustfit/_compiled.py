"""Programs of traced functions: compiled once for what they compute, called with NumPy arrays.

All numbers that a program needs, start values, options, and constants of the functions, are one
vector, its *head*: each array handed over costs a call some microseconds. For the smallest fits
the data are part of it.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from trustfit._bounds import Bounds
from trustfit._chunks import (
    Bucket,
    Points,
    arguments_of,
    chunk_rows,
    evaluate_chunks,
    evaluate_points,
)
from trustfit._inspection import MOST_FUSED
from trustfit._kept import Kept
from trustfit._one_kernel import COMPILER_OPTIONS, UNFUSED, one_kernel
from trustfit._program import (
    Program,
    Start,
    begin,
    iterate,
    iterate_packed,
    pack,
    pack_tree,
    packs_into_kernel,
    step_of,
)
from trustfit._program import solve as solve_whole
from trustfit._settings import Tolerances
from trustfit._state import Problem
from trustfit._traced import Traced
from trustfit._types import FloatArray
from trustfit._values import Value, array_of


class Head(NamedTuple):
    """What the head of a program holds, and how long its parts are. Hashable."""

    n: int
    bounded: bool
    scaled: bool
    numbers: int
    state: int

    def sizes(self) -> list[int]:
        """Return the lengths of x0, options, bounds, scales, numbers, count and packed state."""
        n = self.n
        return [n, 5, 2 * n * self.bounded, n * self.scaled, self.numbers, 1, self.state]

    def fill(
        self, start: Start, problem: Problem, numbers: FloatArray, count: int
    ) -> list[FloatArray]:
        """Return the parts, to be concatenated."""
        options = [*problem.tol, problem.max_nfev, problem.f_scale]
        bounds = () if problem.bounds is None else problem.bounds
        scales = () if problem.x_scale is None else (problem.x_scale,)
        state = () if start.packed is None else (start.packed,)
        return [start.x0, np.array(options), *bounds, *scales, numbers, np.array([count]), *state]

    def read(self, head: Any) -> tuple[Start, Problem, Any, Any]:
        """Return start, problem, numbers and the count of points, in a program."""
        parts: list[Any] = []
        at = 0
        for size in self.sizes():
            parts.append(Value(head)[at : at + size])
            at += size
        x0, options, bounds, scales, numbers, count, state = parts
        ftol, xtol, gtol, max_nfev, f_scale = map(array_of, options)
        n = self.n
        problem = Problem(
            bounds=Bounds(bounds[:n].array, bounds[n:].array) if self.bounded else None,
            x_scale=scales.array if self.scaled else None,
            f_scale=f_scale,
            tol=Tolerances(ftol, xtol, gtol),
            max_nfev=max_nfev,
        )
        start = Start(x0.array, state.array if self.state else None)
        return start, problem, numbers.array, count[0].astype(np.int32).array


def head_for(traced: Traced, start: Start, problem: Problem) -> Head:
    """Return the head of a program for such a call."""
    return Head(
        n=len(start.x0),
        bounded=problem.bounds is not None,
        scaled=problem.x_scale is not None,
        numbers=sum(one.kind == "number" for one in traced.arguments),
        state=0 if start.packed is None else len(start.packed),
    )


class Recipe(NamedTuple):
    """All that a program of a solve depends on; `bucket` is None for whole arrays."""

    traced: Traced
    program: Program
    bucket: Bucket | None
    head: Head


def compiler_options(traced: Traced) -> dict[str, Any]:
    """Return how XLA is to compile programs of a function."""
    return dict(COMPILER_OPTIONS if traced.equations <= MOST_FUSED else UNFUSED)


@lru_cache(maxsize=512)
def compiled_solve(recipe: Recipe) -> Kept:
    """Return (head, arrays, shared) -> the packed final state, and rows if the program keeps them.

    `arrays` and `shared` are those of `trustfit._chunks.Points`; for whole arrays, `arrays` is
    empty and `shared` has all arguments that are not numbers; in one vector, both are empty.
    """
    bucket = recipe.bucket
    build = _of_whole_arrays if bucket is None else _of_one_kernel if bucket.kernel else _of_chunks
    return _kept("solve", build(recipe), recipe.traced, recipe.program, bucket, recipe.head)


def _kept(name: str, function: Callable[..., Any], traced: Traced, *what: Any) -> Kept:
    """Return a function of what was traced, jitted; `what` tells all else that it depends on."""
    options = compiler_options(traced)
    facts = (traced.key, traced.position, traced.by_points, traced.own_jacobian)
    return Kept(
        jax.jit(function, compiler_options=options), (name, facts, what, tuple(options.items()))
    )


def _of_whole_arrays(recipe: Recipe) -> Callable[..., Any]:
    def solve(head: Any, _: Sequence[Any], shared: Sequence[Any]) -> Any:
        start, problem, numbers, count = recipe.head.read(head)
        points = Points((), count, numbers, shared)
        arguments = _whole_arguments(recipe.traced, points)
        return solve_whole(whole_rows(recipe.traced, arguments), recipe.program, start, problem)

    return solve


def _whole_arguments(traced: Traced, points: Points) -> list[Any]:
    return arguments_of(traced, points, ())


def whole_rows(traced: Traced, arguments: Sequence[Any]) -> Callable[[Any], Any]:
    """Return x -> f and J of functions that are not taken point by point."""
    function = traced.function()

    def rows(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        if traced.own_jacobian:
            f, J = function(x, arguments)
            return f, J

        def value_twice(x: jax.Array) -> tuple[jax.Array, jax.Array]:
            (f,) = function(x, arguments)
            return f, f

        J, f = jax.jacfwd(value_twice, has_aux=True)(x)
        return f, J

    return rows


def _of_chunks(recipe: Recipe) -> Callable[..., Any]:
    traced, program, bucket = recipe.traced, recipe.program, recipe.bucket
    assert bucket is not None

    def solve(head: Any, arrays: Sequence[Any], shared: Sequence[Any]) -> Any:
        start, problem, numbers, count = recipe.head.read(head)
        points = Points(arrays, count, numbers, shared)
        evaluate = evaluate_chunks(traced, program, bucket, points, problem.f_scale)
        state = begin(program, 0, start)
        step = step_of(program, Value(count))
        if packs_into_kernel(program, len(start.x0)):
            # The step of a kernel knows the count by its own argument.
            solved = iterate_packed(evaluate, program, count, state, problem)
        else:
            solved = iterate(evaluate, step, state, problem)
        return pack(solved), ()

    return solve


def _of_one_kernel(recipe: Recipe) -> Callable[..., Any]:
    traced, program, bucket = recipe.traced, recipe.program, recipe.bucket
    assert bucket is not None
    length = sum(recipe.head.sizes())

    def whole(vector: Any, *arrays: Any) -> Any:
        start, problem, numbers, count = recipe.head.read(lax.slice(vector, (0,), (length,)))
        points = Points([vector] if bucket.packed else arrays, count, numbers, ())
        evaluate = evaluate_points(traced, program, bucket, points, problem.f_scale)
        state = begin(program, 0, start)
        step = step_of(program, Value(count))
        return pack(iterate(evaluate, step, state, problem))

    kernel = one_kernel(whole)

    def solve(head: Any, arrays: Sequence[Any], _: Sequence[Any]) -> Any:
        return kernel(head, *arrays), ()

    return solve


@lru_cache(maxsize=512)
def compiled_evaluation(
    traced: Traced, program: Program, bucket: Bucket, n: int, numbers: int
) -> Kept:
    """Return (head, arrays, shared) -> the cost, and M row by row, as one vector.

    The head holds x, f_scale, the numbers, and the count of points.
    """

    def evaluate(head: Any, arrays: Sequence[Any], shared: Sequence[Any]) -> jax.Array:
        parts = Value(head)
        x, f_scale = parts[:n].array, parts[n].array
        count = parts[n + 1 + numbers].astype(np.int32).array
        points = Points(arrays, count, parts[n + 1 : n + 1 + numbers].array, shared)
        by = evaluate_points if bucket.kernel else evaluate_chunks
        new = by(traced, program, bucket, points, f_scale)(x)
        return pack_tree((new.cost, new.M), np.float64)

    def solve(head: Any, arrays: Sequence[Any], shared: Sequence[Any]) -> jax.Array:
        if not bucket.kernel:
            return evaluate(head, arrays, shared)
        return one_kernel(lambda head, *arrays: evaluate(head, arrays, ()))(head, *arrays)

    return _kept("evaluation", solve, traced, program, bucket, n, numbers)


@lru_cache(maxsize=512)
def compiled_rows(traced: Traced, what: Literal["residual", "rows"]) -> Kept:
    """Return (x, numbers, arrays, shared) -> (f,) or (f, J), of a chunk or of whole arrays."""

    def rows(x: Any, numbers: Any, arrays: Sequence[Any], shared: Sequence[Any]) -> Any:
        x = jnp.asarray(x)
        points = Points(arrays, 0, numbers, shared)
        if traced.by_points:
            f, J = chunk_rows(traced, x, points, arrays)
            return (f,) if what == "residual" else (f, J.T)
        arguments = _whole_arguments(traced, points)
        if what == "residual":
            return (traced.function()(x, arguments)[0],)
        return whole_rows(traced, arguments)(x)

    return _kept(what, rows, traced)
