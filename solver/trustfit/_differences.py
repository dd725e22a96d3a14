"""Jacobians by finite differences, for functions that JAX does not differentiate.

The steps and schemes are those of SciPy's `least_squares`, so that the same calls give the same J:

- *size*: h = eps**(1/2) max(1, abs(x)) for '2-point' and 'cs', eps**(1/3) max(1, abs(x)) for
  '3-point'; h = diff_step abs(x) where the caller says so, unless that does not change x. eps
  belongs to the shorter of the types of x and f. '2-point' steps away from 0.
- *bounds*: a step that would cross a bound turns round; where it fits on neither side, it is cut to
  the longer side. '3-point' moves both ways if both fit, even with a step cut to the nearer
  bound where that is the longer one, and twice in one direction otherwise.

A complex step, 'cs', leaves the real line and meets no bound. Source: J. Nocedal and S. Wright,
"Numerical Optimization", second edition, section 8.1.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

import jax
import numpy as np

from trustfit._bounds import Bounds
from trustfit._sparsity import IntArray, Pattern, read_pattern
from trustfit._types import FloatArray, NDArray

if TYPE_CHECKING:
    from concurrent.futures import Executor

Method: TypeAlias = Literal["2-point", "3-point", "cs"]
Residual: TypeAlias = Callable[[Any], Any]
MapRows: TypeAlias = Callable[[Residual, Iterable[Any]], Iterable[Any]]
BoolArray: TypeAlias = NDArray[np.bool_]


class Stencil(NamedTuple):
    """Where the variables go to find a column each. Arrays of shape (n,).

    `points` holds where each variable is moved to, one value after the other; `dx` divides the
    difference of the residuals, and is 0 where a variable cannot move. `one_sided` tells where
    '3-point' moves twice in the same direction.
    """

    points: Sequence[NDArray[Any]]
    dx: FloatArray
    one_sided: BoolArray


def steps(x: FloatArray, f: NDArray[Any], method: Method, diff_step: Any) -> FloatArray:
    """Return the signed steps, shape (n,), before any bound is looked at."""
    shortest = np.finfo(np.float64)
    for dtype in (x.dtype, f.dtype):
        if np.issubdtype(dtype, np.floating) and np.finfo(dtype).bits < shortest.bits:
            shortest = np.finfo(dtype)
    relative = shortest.eps ** (1 / 3 if method == "3-point" else 0.5)
    sign = np.where(x >= 0, 1.0, -1.0)
    default: FloatArray = relative * sign * np.maximum(1.0, np.abs(x))
    if diff_step is None:
        return default
    h: FloatArray = np.asarray(diff_step) * sign * np.abs(x)
    return np.where((x + h) - x == 0, default, h)


def one_sided_within(x: FloatArray, h: FloatArray, bounds: Bounds) -> FloatArray:
    """Turn steps round that would leave the bounds, and cut those that fit on neither side."""
    to_lower, to_upper = x - bounds.lb, bounds.ub - x
    crosses = (x + h < bounds.lb) | (x + h > bounds.ub)
    fits = np.abs(h) <= np.maximum(to_lower, to_upper)
    longest = np.where(to_upper >= to_lower, to_upper, -to_lower)
    return np.where(fits, np.where(crosses, -h, h), longest)


def two_sided_within(x: FloatArray, h: FloatArray, bounds: Bounds) -> tuple[FloatArray, BoolArray]:
    """Return the steps of '3-point' within the bounds, and which are one-sided."""
    h = np.abs(h)
    to_lower, to_upper = x - bounds.lb, bounds.ub - x
    central = (to_lower >= h) & (to_upper >= h)
    # Two steps in one direction have to fit.
    one_way = np.where(
        to_upper >= to_lower, np.minimum(h, 0.5 * to_upper), -np.minimum(h, 0.5 * to_lower)
    )
    nearest = np.minimum(to_lower, to_upper)
    shortened = ~central & (np.abs(one_way) <= nearest)
    return np.where(central, h, np.where(shortened, nearest, one_way)), ~central & ~shortened


def stencil_at(
    x: FloatArray, f: NDArray[Any], method: Method, diff_step: Any, bounds: Bounds | None
) -> Stencil:
    """Return where to evaluate for the Jacobian at x, where the residuals are f."""
    h, one_sided = steps(x, f, method, diff_step), np.zeros(len(x), bool)
    if method == "cs":
        return Stencil([x + 1j * h], h, one_sided)
    if method == "2-point":
        if bounds is not None and not bounds.absent:
            h = one_sided_within(x, h, bounds)
        return Stencil([x + h], (x + h) - x, one_sided)
    if bounds is None or bounds.absent:
        h = np.abs(h)
    else:
        h, one_sided = two_sided_within(x, h, bounds)
    first, second = np.where(one_sided, x + h, x - h), np.where(one_sided, x + 2 * h, x + h)
    return Stencil([first, second], second - np.where(one_sided, x, first), one_sided)


def trial_points(
    x: FloatArray, stencil: Stencil, groups: Iterable[IntArray]
) -> Iterator[NDArray[Any]]:
    """Yield the points to evaluate at, group by group, each an array of its own."""
    for group in groups:
        for moved in stencil.points:
            point = x.astype(moved.dtype)
            point[group] = moved[group]
            yield point


def difference(
    f: FloatArray, moved: Sequence[NDArray[Any]], method: Method, one_sided: Any
) -> FloatArray:
    """Return the numerator of the difference quotient for residuals f and those after a step.

    The arrays have any one shape; `one_sided` broadcasts against it.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # the solver looks for what is not finite
        if method == "cs":
            if not np.iscomplexobj(moved[0]):
                raise ValueError(
                    "`fun` must return complex numbers for complex `x` where `jac` is 'cs'; got "
                    f"{moved[0].dtype}. Take '3-point' if it drops the imaginary part."
                )
            return np.imag(moved[0])
        if method == "2-point":
            return moved[0] - f
        first, second = moved
        return np.where(one_sided, -3.0 * f + 4 * first - second, second - first)


def finite_difference_jacobian(
    residual: Residual,
    method: Method,
    *,
    diff_step: Any,
    bounds: Bounds | None,
    sparsity: Any = None,
    map_rows: MapRows = map,
) -> Callable[[FloatArray, FloatArray], Any]:
    """Return the function (x, f) -> J that estimates the Jacobian by finite differences.

    Parameters
    ----------
    residual : callable
        x, shape (n,), -> f, shape (m,). It gets an array of its own at each call, complex for
        'cs', and must then return complex residuals. It is handed to `map_rows` as it is: where
        that is a process pool's, it must be picklable.
    method : {'2-point', '3-point', 'cs'}
        Forward, central or complex-step differences.
    diff_step : None, float or array_like, shape (n,)
        The step relative to x; None for the usual one.
    bounds : Bounds or None
        Within which to evaluate. A variable whose bounds coincide gets a column of zeros and no
        evaluation, except by 'cs'.
    sparsity : None, array_like or scipy.sparse matrix, shape (m, n), optional
        Zero where J is always zero. Columns without a row in common share their evaluations.
    map_rows : callable, optional
        ``map_rows(residual, points)`` evaluates at every point: see `map_for`.

    Returns
    -------
    jacobian : callable
        (x, f) -> J: x, shape (n,), within the bounds; f, shape (m,), the residuals there, in the
        type in which the user's function returns them, as the step goes by that; J, shape (m, n),
        float64, a NumPy array, or a `scipy.sparse.csr_array` with `sparsity`.

    Raises
    ------
    ValueError
        By `jacobian`: if `sparsity` has another shape than J, or if `residual` returns real
        numbers for a complex x.
    """
    pattern = None if sparsity is None else read_pattern(sparsity)

    def jacobian(x: FloatArray, f: FloatArray) -> Any:
        if pattern is not None and pattern.shape != (f.size, x.size):
            raise ValueError(
                f"`jac_sparsity` must have shape (m, n) = {(f.size, x.size)}; got "
                f"{pattern.shape}. Put a row for each residual, a column for each variable."
            )
        stencil = stencil_at(x, f, method, diff_step, bounds)
        evaluate = partial(_evaluate, residual, x, stencil, map_rows)
        if pattern is None:
            return _dense(evaluate, f, method, stencil)
        return _sparse(evaluate, f, method, stencil, pattern)

    return jacobian


_Evaluate: TypeAlias = Callable[
    [Sequence[IntArray]], Iterator[tuple[IntArray, Sequence[NDArray[Any]]]]
]


def _evaluate(
    residual: Residual,
    x: FloatArray,
    stencil: Stencil,
    map_rows: MapRows,
    groups: Sequence[IntArray],
) -> Iterator[tuple[IntArray, Sequence[NDArray[Any]]]]:
    """Yield each group of columns with the residuals after its step or steps."""
    values = iter(map_rows(residual, trial_points(x, stencil, groups)))
    # One iterator, repeated: zip takes as many values for each group as there are steps.
    for group, *moved in zip(groups, *[values] * len(stencil.points), strict=True):
        yield group, [np.atleast_1d(np.asarray(value)) for value in moved]


def _dense(evaluate: _Evaluate, f: FloatArray, method: Method, stencil: Stencil) -> FloatArray:
    movable = np.flatnonzero(stencil.dx)
    transposed = np.zeros((len(stencil.dx), f.size))
    for (column,), moved in evaluate([movable[k : k + 1] for k in range(len(movable))]):
        change = difference(f, moved, method, stencil.one_sided[column])
        transposed[column] = change / stencil.dx[column]
    return transposed.T


def _sparse(
    evaluate: _Evaluate, f: FloatArray, method: Method, stencil: Stencil, pattern: Pattern
) -> Any:
    values = np.zeros(len(pattern.rows))
    movable = stencil.dx != 0
    kept = [group[movable[group]] for group in pattern.groups]
    entries = [of for of, group in zip(pattern.entries, kept, strict=True) if group.size]
    groups = [group for group in kept if group.size]
    for of, (_, moved) in zip(entries, evaluate(groups), strict=True):
        these = of[movable[pattern.columns[of]]]
        rows, columns = pattern.rows[these], pattern.columns[these]
        one_sided = stencil.one_sided[columns]
        change = difference(f[rows], [value[rows] for value in moved], method, one_sided)
        values[these] = change / stencil.dx[columns]
    return pattern.matrix(values)


def _map_in_threads(
    pool: "Executor", double: bool, residual: Residual, points: Iterable[Any]
) -> Iterator[Any]:
    def in_the_same_precision(point: Any) -> Any:
        with jax.enable_x64(double):  # a setting of each thread
            return residual(point)

    return pool.map(in_the_same_precision, points)


@contextmanager
def map_for(workers: Any) -> Generator[MapRows]:
    """Provide the map that evaluates the residuals for finite differences.

    A number of workers means threads, where SciPy starts processes: a process forked from one
    that has used JAX deadlocks at its first compilation, and a compiled function lets other
    threads run. A function written in Python gains nothing from threads: pass the `map` of a
    process pool, started by 'spawn' or 'forkserver', for one.

    Parameters
    ----------
    workers : None, int or callable
        None or 1 for Python's `map`; a number of threads, -1 for one a processor; or a function
        that is called like `map`, ``workers(fun, points)``.

    Yields
    ------
    map_rows : callable
        To be used before the context ends.
    """
    if callable(workers):
        yield cast(MapRows, workers)
        return
    number = 1 if workers is None else workers
    if number == 1:
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor  # not by all who import this module

    threads = (os.cpu_count() or 1) if number == -1 else int(number)
    with ThreadPoolExecutor(threads, thread_name_prefix="trustfit") as pool:
        yield partial(_map_in_threads, pool, bool(jax.config.read("jax_enable_x64")))
