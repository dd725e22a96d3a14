"""The user's functions and their derivative for NumPy: traced, and evaluated by the interpreter.

Nothing is compiled. Where the model takes its points one by one, and is made of elementwise
operations on numbers alone, what is evaluated is its jaxpr at one point: the same operations take
the arrays of all points, and one program serves data of every length. Other models are traced with
all their points. The derivative is traced at once with the functions, before the user's code runs
again: its rules can hold views of the user's arrays.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from trustfit._collection import collection_paused
from trustfit._compiled import whole_rows
from trustfit._inlining import Inlined
from trustfit._inspection import inner_jaxprs
from trustfit._interpreter import Interpreted, missing
from trustfit._interpreter_elementwise import ELEMENTWISE
from trustfit._interpreter_special import SPECIAL
from trustfit._jaxpr import ClosedJaxpr, jaxpr_as_fun
from trustfit._model import Model
from trustfit._scalars import of_scalars
from trustfit._settings import HostFunctions
from trustfit._traced import Traced, point_shape
from trustfit._types import FloatArray

_ON_NUMBERS = frozenset({*ELEMENTWISE, *SPECIAL}) - {"custom_jvp_call"}
_TRIPS = 100
"""Of a loop of which only an evaluation can tell."""

_OPERATION_S = 2e-6
_ELEMENT_S = 3e-9
"""What an operation takes, and what it takes for each element, roughly: for a first estimate."""


@dataclass(frozen=True)
class HostProgram:
    """f and J of traced functions, by NumPy.

    Attributes
    ----------
    evaluate : Interpreted
        (values) -> f, and then J or its columns.
    position : int
        The place of x among the values.
    by_numbers : bool
        Whether x is handed over as single numbers, and J returned as columns.
    constants : tuple of arrays
        The first of the values.
    operations : int
        How many there are, those of loops as often as these go round.
    """

    evaluate: Interpreted
    position: int
    by_numbers: bool
    constants: tuple[Any, ...]
    operations: int

    def estimated_s(self, m: int) -> float:
        """Return about how long an evaluation of m points takes."""
        return self.operations * (_OPERATION_S + m * _ELEMENT_S)


def count_operations(jaxpr: Any) -> int:
    """Return how many operations an evaluation of a jaxpr carries out, about."""
    return sum(_count(equation) for equation in jaxpr.eqns)


def _count(equation: Any) -> int:
    trips = {"scan": equation.params.get("length", 1), "while": _TRIPS}
    inner = sum(map(count_operations, inner_jaxprs(equation)))
    return 1 + inner * trips.get(equation.primitive.name, 1)


@lru_cache(maxsize=256)
def host_program(traced: Traced, m: int) -> HostProgram | frozenset[str]:
    """Return the program of functions of m points; or what it has that there is no rule for.

    To be called within `trustfit._workers.settings`.
    """
    with collection_paused():
        at_one_point = _at_one_point(traced)
        return at_one_point or _of_all_points(traced, m)


@lru_cache(maxsize=256)
def _at_one_point(traced: Traced) -> HostProgram | None:
    """Return the program at one point, if the same operations serve all of them at once."""
    if not traced.by_points or any(map(point_shape, traced.arguments)):
        return None
    at = traced.position
    apart = of_scalars(traced.jaxpr.jaxpr, at)
    if apart is None or not _is_on_numbers(apart):
        return None
    n = len(apart.invars) - len(traced.arguments)
    evaluate = jaxpr_as_fun(ClosedJaxpr(apart, ()))

    def rows(*values: Any) -> Any:
        def residual(x: tuple[Any, ...]) -> Any:
            return evaluate(*values[:at], *x, *values[at + n :])[0]

        if traced.own_jacobian:
            f, J = evaluate(*values)
            return f, [J[i] for i in range(n)]
        # In reverse: all derivatives of one number at once.
        return jax.value_and_grad(residual)(values[at : at + n])

    avals: list[Any] = [variable.aval for variable in apart.invars]
    types = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
    inlined = Inlined(jax.make_jaxpr(rows)(*types), lambda *_: False)
    if not _is_on_numbers(inlined.jaxpr) or missing(inlined.jaxpr):
        return None
    return _program(inlined, at + len(inlined.values), by_numbers=True)


def _is_on_numbers(jaxpr: Any) -> bool:
    """Return whether all values are numbers, and all operations take them element by element."""
    return all(
        equation.primitive.name in _ON_NUMBERS
        and not any(variable.aval.shape for variable in equation.outvars)
        for equation in jaxpr.eqns
    )


def _of_all_points(traced: Traced, m: int) -> HostProgram | frozenset[str]:
    at = traced.position
    types = [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in _at_length(traced, m)]
    n = traced.jaxpr.jaxpr.invars[at].aval.shape
    types.insert(at, jax.ShapeDtypeStruct(n, np.dtype(np.float64)))

    def rows(*values: Any) -> Any:
        arguments = [*values[:at], *values[at + 1 :]]
        if not traced.by_points:
            return whole_rows(traced, arguments)(values[at])
        return _mapped(traced, values[at], arguments)

    inlined = Inlined(jax.make_jaxpr(rows)(*types), lambda *_: False)
    unknown = missing(inlined.jaxpr)
    return unknown or _program(inlined, at + len(inlined.values), by_numbers=False)


def _at_length(traced: Traced, m: int) -> list[Any]:
    """Return the arguments as they are with m points."""
    return [
        one._replace(shape=_with_points(one, m)) if one.kind == "points" else one
        for one in traced.arguments
    ]


def _with_points(argument: Any, m: int) -> tuple[int, ...]:
    return (*argument.shape[: argument.axis], m, *argument.shape[argument.axis + 1 :])


def _mapped(traced: Traced, x: Any, arguments: Sequence[Any]) -> Any:
    """Return f, shape (m,), and J, shape (m, n), of a function at one point."""
    function = traced.function()
    axes = [one.axis if one.kind == "points" else None for one in traced.arguments]

    def residuals(x: Any) -> Any:
        return jax.vmap(lambda *all_: function(x, all_), axes, 0)(*arguments)

    if traced.own_jacobian:
        f, J = residuals(x)
        return f, J

    def value_twice(x: Any) -> Any:
        (f,) = residuals(x)
        return f, f

    J, f = jax.jacfwd(value_twice, has_aux=True)(x)
    return f, J


def _program(inlined: Inlined, position: int, *, by_numbers: bool) -> HostProgram:
    return HostProgram(
        Interpreted(inlined.jaxpr, first=1),
        position,
        by_numbers,
        tuple(inlined.values),
        count_operations(inlined.jaxpr),
    )


def host_functions(model: Model, program: HostProgram, look: Callable[[], None]) -> HostFunctions:
    """Return f and J of a model at its data, for a host loop; `look` is called before each f."""
    before = [*program.constants, *map(np.asarray, model.values)]
    at, m = program.position, model.m
    rest: list[Callable[[], list[Any]]] = []

    def residual(x: FloatArray) -> FloatArray:
        look()
        given = x if program.by_numbers else (x,)
        (f,), later = program.evaluate.begin(*before[:at], *given, *before[at:])
        rest[:] = [later]
        return np.broadcast_to(f, (m,)).astype(np.float64)

    def jacobian(x: FloatArray, f: FloatArray) -> FloatArray:
        found = rest.pop()()
        if not program.by_numbers:
            return np.asarray(found[0], np.float64)
        columns = np.empty((len(found), m))
        for column, one in zip(columns, found, strict=True):
            column[...] = one
        return columns.T

    return HostFunctions(residual, jacobian)
