"""Data, and what holds a function of all points against the same function at one point."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import eval_jaxpr
from jax.extend.core import jaxpr_as_fun
from trustfit._rowwise import PerPoint, per_point

M = 12
X = np.linspace(0.1, 4.3, M)
WEIGHTS = np.linspace(1.0, 2.0, M)
GRID = np.linspace(-0.5, 5.0, 9)
PEAKS = np.array([0.5, 1.5, 4.0])
SQUARE = np.random.default_rng(2).normal(size=(M, M))
PARAMETERS = (1.3, 0.7)
Model = Callable[..., Any]


class Taken(NamedTuple):
    """A model at one point, and what it is of: arguments, the lifted constants included."""

    at_point: PerPoint
    arguments: list[Any]


def take(
    model: Model,
    data: Sequence[Any] = (X,),
    axes: Sequence[int | None] = (0,),
    parameters: Sequence[Any] = PARAMETERS,
    m: int = M,
) -> Taken:
    """Trace a model of data and parameters as the solver does, and take the points' axis out."""
    closed = jax.make_jaxpr(model)(*data, *parameters)
    count = len(closed.consts)

    def lifted(*arguments: Any) -> Any:
        return eval_jaxpr(closed.jaxpr, arguments[:count], *arguments[count:])

    arguments = [*closed.consts, *data, *parameters]
    jaxpr = jax.make_jaxpr(lifted)(*arguments).jaxpr
    everywhere = [None] * count + [*axes] + [None] * len(parameters)
    return Taken(per_point(jaxpr, everywhere, m), arguments)


def mapped_over_points(at_point: PerPoint, *arguments: Any) -> list[Any]:
    """Evaluate a function at any number of points; the outputs' first axis is theirs."""
    return list(jax.vmap(jaxpr_as_fun(at_point.jaxpr), at_point.axes)(*arguments))


def check(
    model: Model,
    data: Sequence[Any] = (X,),
    axes: Sequence[int | None] = (0,),
    parameters: Sequence[Any] = PARAMETERS,
    m: int = M,
) -> PerPoint:
    """Hold a model against its mapped self: values, Jacobians, and some of the points alone."""
    at_point, arguments = take(model, data, axes, parameters, m)
    constants = arguments[: len(arguments) - len(data) - len(parameters)]

    def mapped(data: Any, parameters: Any) -> Any:
        return mapped_over_points(at_point, *constants, *data, *parameters)

    def whole(data: Any, parameters: Any) -> Any:
        return jax.tree.leaves(model(*data, *parameters))

    def smooth(function: Model) -> Model:
        return lambda *args: [one for one in function(*args) if one.dtype.kind in "fc"]

    @jax.jit
    def both(data: Any, parameters: Any) -> Any:
        return [
            (function(data, parameters), jax.jacfwd(smooth(function), 1)(data, parameters))
            for function in (mapped, whole)
        ]

    found, expected = both(tuple(data), tuple(parameters))
    jax.tree.map(assert_same, found, expected)
    some = np.arange(m)[::-2]
    chunk = [
        one if axis is None else np.take(one, some, axis)
        for one, axis in zip(data, axes, strict=True)
    ]
    of_chunk = jax.jit(mapped)(chunk, parameters)
    jax.tree.map(assert_same, of_chunk, [one[some] for one in expected[0]])
    return at_point


def assert_same(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    scale = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15 * float(scale))


def peaks(x: Any) -> Any:
    return jnp.exp(-((x[:, None] - PEAKS) ** 2))


def of_scalars(u: Any, a: Any, b: Any) -> Any:
    return lax.cond(u > 2.0, lambda: a * u, lambda: b * u**2)
