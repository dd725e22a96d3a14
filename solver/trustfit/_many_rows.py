"""The rows of many fits, reduced to their Gram matrices. Fits lie along the last axis, the lanes.

The model is a function of n numbers, where it takes its parameters apart: so a derivative along
one of them does not touch what only depends on the others. All points are evaluated at once: [J f]
is n + 1 arrays of shape (m, lanes). Adding up the elements of [J f].T [J f] point by point, or in
blocks of hundreds, so that no row ever leaves the cache, was measured to take 1.2 to 1.7 times as
long (m = 100 to 10,000); fewer lanes for more points serve the cache as well.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from trustfit._jaxpr import ClosedJaxpr, jaxpr_as_fun
from trustfit._lanes import Evaluator, UnknownOperation, Value
from trustfit._losses import rho_of, row_scales
from trustfit._scalars import of_scalars
from trustfit._state import Evaluation
from trustfit._traced import Traced
from trustfit._types import Loss

_NUMBER = jax.ShapeDtypeStruct((), np.dtype(np.float64))


class Reduction(NamedTuple):
    """How rows are reduced: by the loss and its scale."""

    loss: Loss
    f_scale: Any


class Arguments(NamedTuple):
    """What the traced functions take beside x, and which of these arrays have lanes behind."""

    arrays: tuple[Any, ...]
    laned: tuple[bool, ...]

    @property
    def of_one(self) -> list[Any]:
        """The arrays' types in one fit."""
        return [
            jax.ShapeDtypeStruct(np.shape(array)[: np.ndim(array) - flag], jnp.result_type(array))
            for array, flag in zip(self.arrays, self.laned, strict=True)
        ]


class Rows(NamedTuple):
    """x, shape (n, lanes) -> the residuals, shape (m, lanes), and the evaluation of all fits."""

    residual: Callable[[Any], Any]
    evaluate: Callable[[Any], Evaluation]


def rows_of(
    traced: Traced, n: int, arguments: Arguments, reduction: Reduction, evaluator: Evaluator
) -> Rows:
    """Return what evaluates the rows of many fits.

    Parameters
    ----------
    traced : Traced
        Residuals and Jacobian of one fit.
    n : int
        Number of parameters.
    arguments : Arguments
        The data of all fits, and what the functions close over.
    reduction : Reduction
        What to make of the rows.
    evaluator : Evaluator
        Adds the lanes.
    """
    function = _of_numbers(traced, n)
    types = [*[_NUMBER] * n, *arguments.of_one]
    whole = jax.make_jaxpr(lambda *all_: function(*all_)[0])(*types)
    columns = jax.make_jaxpr(_columns(traced, function, n))(*types)

    def mapped(closed: ClosedJaxpr, x: Any) -> list[Any]:
        flags = [*[True] * n, *arguments.laned]
        return _on_lanes(evaluator, closed, [*x, *arguments.arrays], flags)

    def evaluate(x: Any) -> Evaluation:
        terms = _terms(mapped(columns, x), reduction)
        return _evaluation([jnp.sum(one, axis=0) for one in _products(terms, n)], n, reduction)

    return Rows(lambda x: mapped(whole, x)[0], evaluate)


def _of_numbers(traced: Traced, n: int) -> Callable[..., Any]:
    """Return (n numbers, arguments) -> f, or f and J, of all points."""
    at = traced.position
    apart = of_scalars(traced.jaxpr.jaxpr, at)

    def function(*arguments: Any) -> Any:
        x, others = arguments[:n], arguments[n:]
        if apart is None:
            return traced.function()(jnp.stack(x), others)
        return jaxpr_as_fun(ClosedJaxpr(apart, ()))(*others[:at], *x, *others[at:])

    if not traced.by_points:
        return function
    axes = [one.axis if one.kind == "points" else None for one in traced.arguments]
    return jax.vmap(function, (*[None] * n, *axes))


Columns = Callable[..., list[Any]]
"""n numbers and arguments -> the columns of J, and f."""


def _columns(traced: Traced, function: Callable[..., Any], n: int) -> Columns:
    """Return the columns of J, by the user's own function if there is one, and f."""
    if not traced.own_jacobian:
        return _derivatives(lambda *arguments: function(*arguments)[0], n)

    def columns(*arguments: Any) -> list[Any]:
        f, J = function(*arguments)
        return [*(J[:, i] for i in range(n)), f]

    return columns


def _derivatives(function: Callable[..., Any], n: int) -> Columns:
    """Return the derivatives along the first n arguments, numbers, and the value."""

    def columns(*arguments: Any) -> list[Any]:
        def along(i: int) -> Callable[[Any], Any]:
            return lambda p: function(*arguments[:i], p, *arguments[i + 1 :])

        one = jnp.ones((), _NUMBER.dtype)
        pairs = [jax.jvp(along(i), (arguments[i],), (one,)) for i in range(n)]
        return [*(derivative for _, derivative in pairs), pairs[0][0]]

    return columns


def _on_lanes(
    evaluator: Evaluator, closed: ClosedJaxpr, arrays: Sequence[Any], flags: Sequence[bool]
) -> list[Any]:
    """Evaluate a jaxpr with lanes; by `jax.vmap` if it has an operation that is not known."""
    values = [Value(array, flag) for array, flag in zip(arrays, flags, strict=True)]
    try:
        results = evaluator.evaluate(closed.jaxpr, closed.consts, values)
    except UnknownOperation:
        axes = tuple(-1 if flag else None for flag in flags)
        mapped = jax.vmap(jaxpr_as_fun(closed), axes, -1, axis_size=evaluator.lanes)
        return list(mapped(*arrays))
    return [
        evaluator.full(result, aval.shape)
        for result, aval in zip(results, closed.out_avals, strict=True)
    ]


def _terms(Z: list[Any], reduction: Reduction) -> list[Any]:
    """Return the columns of J and f as the loss scales them, and rho unless it is linear."""
    loss, f_scale = reduction
    if loss == "linear":
        return Z
    *J, f = Z
    rho = jnp.where(jnp.isfinite(f), rho_of(jnp, f, f_scale, loss)[0], jnp.nan)
    J_scale, f_factor = row_scales(jnp, f, f_scale, loss)
    return [*(column * J_scale for column in J), f * f_factor, rho]


def _pairs(n: int) -> list[tuple[int, int]]:
    """Return row and column of each element in the lower triangle of [J f].T [J f]."""
    return [(a, b) for a in range(n + 1) for b in range(a + 1)]


def _products(terms: list[Any], n: int) -> list[Any]:
    """Return what the sums of an evaluation add up, point by point."""
    return [terms[a] * terms[b] for a, b in _pairs(n)] + terms[n + 1 :]


def _evaluation(sums: Sequence[Any], n: int, reduction: Reduction) -> Evaluation:
    """Put the sums together; the last is twice the cost in units of f_scale**2."""
    place = {pair: i for i, pair in enumerate(_pairs(n))}
    square = [(max(a, b), min(a, b)) for a in range(n + 1) for b in range(n + 1)]
    M = jnp.stack([sums[place[pair]] for pair in square]).reshape(n + 1, n + 1, -1)
    factor = 0.5 if reduction.loss == "linear" else 0.5 * reduction.f_scale**2
    return Evaluation(factor * sums[-1], M, ())
