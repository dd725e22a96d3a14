"""A function of m points as a function of one of them.

A fit over m points may be cut into chunks, padded, or evaluated point by point only if its
function takes the points one by one. `per_point` proves that from the function's jaxpr, equation
by equation, and returns the proof: the same jaxpr without the axis of the points, which mapped
over the points, in chunks of any length, is the function. Lengths that the function computes with
(`a * x / len(x)`) are literals in a jaxpr: they stay those of the whole.

Three kinds of axes suffice (`trustfit._rowwise_values.Axis`). The points' axis is known by where
it comes from: an array that merely is as long as there are points never meets it. A *uniform* axis
is one along which a value was repeated (`jnp.zeros_like(x)`, `x[:, None]`): it may meet any other.
What couples points is an operation that runs along their axis, or joins it to another one.

Everything that is not known is refused. Derivatives are those of the same operations; functions
with a derivative of their own (`jax.custom_jvp`, as `jax.nn.softplus`) keep it, and it has to take
the points one by one as well.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from trustfit._jaxpr import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun
from trustfit._rowwise_rules import RULES, as_it_is
from trustfit._rowwise_values import (
    Axis,
    NotRowWise,
    Value,
    abstract,
    conform,
    join,
    refuse,
    shared,
    whole_along,
)

__all__ = ["NotRowWise", "PerPoint", "per_point"]

ORDER = 2
"""Of the derivatives that are known to leave the points apart: Jacobians, Hessians."""


class PerPoint(NamedTuple):
    """A function of m points as a function of one of them.

    Attributes
    ----------
    jaxpr : ClosedJaxpr
        Inputs and outputs are those of the function, in order, but without the points' axis where
        they had one: an output of shape (m,) is a scalar.
    axes : tuple of int or None
        Of each input, which axis carried the points; None where all points share it.
    """

    jaxpr: ClosedJaxpr
    axes: tuple[int | None, ...]


def per_point(jaxpr: Jaxpr, axes: Sequence[int | None], m: int) -> PerPoint:
    """Take the points' axis out of a function.

    Parameters
    ----------
    jaxpr : Jaxpr, without constants
        The function.
    axes : sequence of int or None
        Of each input, the axis along which the points lie; None for one that all points share.
    m : int
        How many points there are.

    Returns
    -------
    PerPoint
        Mapped over the points, it equals the function, and so do its derivatives.

    Raises
    ------
    NotRowWise
        If the function couples points, or is not known not to: says which operation does.
    """
    if jaxpr.constvars:
        raise ValueError("The constants of `jaxpr` must be among its inputs.")
    declared = [
        _declared(variable.aval, axis, m) for variable, axis in zip(jaxpr.invars, axes, strict=True)
    ]
    traced = _trace(
        lambda values: [_result(one, m) for one in _walk(ORDER, jaxpr, (), values)], declared
    )
    return PerPoint(traced.jaxpr, tuple(axes))


def _declared(aval: Any, axis: int | None, m: int) -> Value:
    kinds = [Axis.KEPT] * len(aval.shape)
    if axis is not None:
        if not (0 <= axis < len(kinds) and aval.shape[axis] == m):
            raise ValueError(f"Axis {axis} of an input of shape {aval.shape} is not {m} points.")
        kinds[axis] = Axis.POINTS
    shape = tuple(n for n, kind in zip(aval.shape, kinds, strict=True) if kind is Axis.KEPT)
    array = jax.ShapeDtypeStruct(shape, aval.dtype, weak_type=aval.weak_type)
    return Value(array, aval.shape, tuple(kinds))


def _result(value: Value, m: int) -> Value:
    """Return a result of shape (m, ...) with nothing but its first axis left out."""
    first, *others = value.axes or [Axis.KEPT]
    if first is Axis.KEPT or value.shape[0] != m or Axis.POINTS in others:
        raise NotRowWise(f"A result of shape {value.shape} does not have the points in front.")
    return conform(value, [Axis.POINTS, *(Axis.KEPT for _ in others)])


def _walk(order: int, jaxpr: Jaxpr, consts: Sequence[Any], inputs: Sequence[Value]) -> list[Value]:
    """Evaluate a jaxpr at one point; all points share the constants."""
    known: dict[Any, Value] = dict(zip(jaxpr.invars, inputs, strict=True))
    for variable, const in zip(jaxpr.constvars, consts, strict=True):
        known[variable] = shared(const, np.shape(const))

    def value(atom: Any) -> Value:
        return shared(atom.val, np.shape(atom.val)) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        operands = [value(atom) for atom in equation.invars]
        results = _apply(order, equation, operands)
        known.update(zip(equation.outvars, results, strict=True))
    return [value(atom) for atom in jaxpr.outvars]


def _apply(order: int, equation: Any, operands: list[Value]) -> list[Value]:
    name, params = equation.primitive.name, equation.params
    if equation.effects:
        refuse(name, "has effects besides its results")
    if params.get("sharding") is not None or params.get("out_sharding") is not None:
        return as_it_is(equation, operands)
    if name in _NESTED:
        return _NESTED[name](order, equation, operands)
    return RULES.get(name, as_it_is)(equation, operands)


class _Traced(NamedTuple):
    """A function at one point, and its results: values of which the arrays are types alone."""

    jaxpr: ClosedJaxpr
    results: list[Value]

    def with_axes(self, axes: Sequence[Sequence[Axis]]) -> Callable[..., list[Any]]:
        """Return it as a function of arrays, its results with these axes."""

        def conformed(*arrays: Any) -> list[Any]:
            found = jaxpr_as_fun(self.jaxpr)(*arrays)
            results = zip(self.results, found, axes, strict=True)
            return [conform(one._replace(array=array), to).array for one, array, to in results]

        return conformed


def _trace(function: Callable[[list[Value]], list[Value]], inputs: Sequence[Value]) -> _Traced:
    """Trace a function of values; of the inputs' arrays the types matter alone."""
    results: list[Value] = []

    def at_one_point(*arrays: Any) -> list[Any]:
        found = function([one._replace(array=a) for one, a in zip(inputs, arrays, strict=True)])
        results[:] = [value._replace(array=abstract(value.array)) for value in found]
        return [value.array for value in found]

    return _Traced(jax.make_jaxpr(at_one_point)(*(abstract(one.array) for one in inputs)), results)


def _walk_body(order: int, body: Any, inputs: list[Value]) -> list[Value]:
    """Evaluate a jaxpr among an equation's parameters, closed or not."""
    return _walk(order, getattr(body, "jaxpr", body), getattr(body, "consts", ()), inputs)


def _trace_body(order: int, body: Any, inputs: Sequence[Value]) -> _Traced:
    return _trace(lambda values: _walk_body(order, body, values), inputs)


def _joined(name: str, *several: Sequence[Value]) -> list[list[Axis]]:
    """Return the axes that each of the values has in all of several lists of them."""
    return [
        [join(name, *kinds) for kinds in zip(*(value.axes for value in same), strict=True)]
        for same in zip(*several, strict=True)
    ]


def _arrays(values: Sequence[Value]) -> list[Any]:
    return [value.array for value in values]


def _values(arrays: Sequence[Any], like: Sequence[Value], axes: Sequence[Any]) -> list[Value]:
    return [
        Value(array, one.shape, tuple(kinds))
        for array, one, kinds in zip(arrays, like, axes, strict=True)
    ]


def _call(order: int, equation: Any, operands: list[Value]) -> list[Value]:
    """Take a function that is called, in place."""
    params = equation.params
    body = params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]
    return _walk_body(order, body, operands)


def _is_inexact(variable: Any) -> bool:
    return bool(jnp.issubdtype(variable.aval.dtype, jnp.inexact))


def _whole_jvp(equation: Any, moving: Sequence[int]) -> ClosedJaxpr:
    """Trace the derivative of a call, of all points, along its operands in places `moving`."""
    inputs = [abstract(variable) for variable in equation.invars]

    def jvp(primals: list[Any], tangents: list[Any]) -> tuple[list[Any], list[Any]]:
        def of_moving(*moved: Any) -> list[Any]:
            arguments = list(primals)
            for place, one in zip(moving, moved, strict=True):
                arguments[place] = one
            parameters = equation.primitive.get_bind_params(equation.params)
            return equation.primitive.bind(*arguments, **parameters)

        results, dots = jax.jvp(of_moving, [primals[place] for place in moving], tangents)
        pairs = zip(equation.outvars, dots, strict=True)
        return results, [dot for variable, dot in pairs if _is_inexact(variable)]

    return jax.make_jaxpr(jvp)(inputs, [inputs[place] for place in moving])


def _custom_jvp_call(order: int, equation: Any, operands: list[Value]) -> list[Value]:
    """Take a function with its own derivative: both have to leave the points apart.

    The derivative is taken apart at once, as is that of the derivative, up to `order`. There may
    be no end to it: further ones are when they are asked for, and raise NotRowWise if they must.
    """
    if all(operand.is_whole for operand in operands):
        return as_it_is(equation, operands)
    if equation.params["symbolic_zeros"]:
        refuse("custom_jvp", "with `symbolic_zeros` is not taken apart into points")
    value = _trace_body(order, equation.params["call_jaxpr"], operands)
    axes = [one.axes for one in value.results]
    types = [one._replace(array=abstract(one.array)) for one in operands]
    moving = [place for place, one in enumerate(equation.invars) if _is_inexact(one)]
    inexact = [place for place, one in enumerate(equation.outvars) if _is_inexact(one)]

    @cache
    def derivative() -> Callable[..., list[Any]]:
        inputs = [*types, *(types[place] for place in moving)]
        traced = _trace_body(max(order - 1, 0), _whole_jvp(equation, moving), inputs)
        to = [*axes, *(axes[place] for place in inexact)]
        for one, kinds in zip(traced.results, to, strict=True):
            both = zip(one.axes, kinds, strict=True)
            if any(join("custom_jvp", found, to_be) is not to_be for found, to_be in both):
                refuse("custom_jvp", "has a derivative that differs where its values do not")
        return traced.with_axes(to)

    @jax.custom_jvp
    def at_one_point(*arrays: Any) -> list[Any]:
        return jaxpr_as_fun(value.jaxpr)(*arrays)

    def rule(primals: Any, tangents: Any) -> tuple[list[Any], list[Any]]:
        found = derivative()(*primals, *(tangents[place] for place in moving))
        results = found[: len(axes)]
        dots: list[Any] = [np.zeros(one.shape, jax.dtypes.float0) for one in results]
        for place, dot in zip(inexact, found[len(axes) :], strict=True):
            dots[place] = dot
        return results, dots

    at_one_point.defjvp(rule)
    if order:
        derivative()
    return _values(at_one_point(*_arrays(operands)), value.results, axes)


def _cond(order: int, equation: Any, operands: list[Value]) -> list[Value]:
    """Take a choice between functions: a scalar, it is the same for all points."""
    index, *operands = operands
    branches = [_trace_body(order, branch, operands) for branch in equation.params["branches"]]
    axes = _joined("cond", *(branch.results for branch in branches))
    functions = [branch.with_axes(axes) for branch in branches]
    arrays = lax.switch(jnp.int32(index.array), functions, *_arrays(operands))
    return _values(arrays, branches[0].results, axes)


def _settle(
    order: int, name: str, body: Any, consts: list[Value], carry: list[Value], xs: list[Value]
) -> Any:
    """Return the carried values as they are in every trip of a loop, and its body."""
    while True:
        traced = _trace_body(order, body, [*consts, *carry, *xs])
        axes = _joined(name, carry, traced.results[: len(carry)])
        if all(tuple(to_be) == one.axes for to_be, one in zip(axes, carry, strict=True)):
            return carry, traced
        carry = [conform(one, to_be) for one, to_be in zip(carry, axes, strict=True)]


def _scan(order: int, equation: Any, operands: list[Value]) -> list[Value]:
    if all(operand.is_whole for operand in operands):
        return as_it_is(equation, operands)
    params = equation.params
    first, count = _scan_counts(params)
    last = first + count
    consts, carry = operands[:first], operands[first:last]
    xs = [whole_along("scan", one, [0]) for one in operands[last:]]
    slices = [Value(_element(one.array), one.shape[1:], one.axes[1:]) for one in xs]
    carry, traced = _settle(order, "scan", params["jaxpr"], consts, carry, slices)
    axes = [one.axes for one in carry] + [one.axes for one in traced.results[len(carry) :]]
    body = traced.with_axes(axes)

    def step(carried: list[Any], slices: list[Any]) -> tuple[list[Any], list[Any]]:
        results = body(*_arrays(consts), *carried, *slices)
        return results[: len(carry)], results[len(carry) :]

    options = {key: params[key] for key in ("length", "reverse", "unroll")}
    carried, ys = lax.scan(step, _arrays(carry), _arrays(xs), **options)
    stacked = [(Axis.KEPT, *kinds) for kinds in axes[len(carry) :]]
    results = zip(equation.outvars, [*carried, *ys], strict=True)
    kinds = [*axes[: len(carry)], *stacked]
    return [
        Value(array, variable.aval.shape, tuple(to_be))
        for (variable, array), to_be in zip(results, kinds, strict=True)
    ]


def _scan_counts(params: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many constants and how many carried values a scan has."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carry, _ = params["ft_in"].unpack()  # from JAX 0.12 on
    return len(consts), len(carry)


def _element(array: Any) -> jax.ShapeDtypeStruct:
    whole = abstract(array)
    return jax.ShapeDtypeStruct(whole.shape[1:], whole.dtype, weak_type=whole.weak_type)


def _while(order: int, equation: Any, operands: list[Value]) -> list[Value]:
    """Take a loop: its condition, a scalar, is the same for all points."""
    params = equation.params
    if params["cond_jaxpr"].out_avals[0].shape:  # as `jax.vmap` makes it
        refuse("while", "goes on for each point as long as it takes")
    first, last = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    of_condition, of_body = operands[:first], operands[first:last]
    carry, traced = _settle(order, "while", params["body_jaxpr"], of_body, operands[last:], [])
    axes = [one.axes for one in carry]
    condition = _trace_body(order, params["cond_jaxpr"], [*of_condition, *carry]).with_axes([()])
    body = traced.with_axes(axes)
    arrays = lax.while_loop(
        lambda carried: condition(*_arrays(of_condition), *carried)[0],
        lambda carried: body(*_arrays(of_body), *carried),
        _arrays(carry),
    )
    return _values(arrays, carry, axes)


_NESTED: Mapping[str, Callable[[int, Any, list[Value]], list[Value]]] = {
    **dict.fromkeys(("call", "checkpoint", "closed_call", "core_call", "eval_jaxpr"), _call),
    **dict.fromkeys(("jit", "pjit", "remat", "remat2"), _call),
    "cond": _cond,
    "custom_jvp_call": _custom_jvp_call,
    "scan": _scan,
    "while": _while,
}
"""Operations that evaluate jaxprs of their own."""
