"""What a jaxpr computes, as a key: two jaxprs have equal ones only if they compute the same.

Variables are numbered, literals and arrays are taken by their bits, jitted functions within are
inlined. Of what cannot be compared by value, each trace has its own, equal to nothing else: a
function among the parameters may have been changed since, though it is the same object.
"""

from collections.abc import Hashable, Sequence
from enum import Enum
from types import FunctionType
from typing import Any

import jax
import numpy as np

from trustfit import _jaxpr as core
from trustfit._inlining import Atom, Inlined, is_plain, scalar, scan_sizes

# Where JAX defines the parameters that it compares by value, in its own caches too.
_COMPARED_BY_JAX = (
    *("jax._src.lax", "jax._src.core", "jax._src.numpy.hijax", "jax._src.mesh"),
    *("jax.sharding", "jax._src.named_sharding", "jax._src.sharding_impls"),
    *("jax._src.partition_spec", "jax._src.layout", "jaxlib", "numpy"),
)
# It can hold anything that the user has registered.
_TREE = type(jax.tree.structure(0))


class Key:
    """A nested tuple whose hash is computed once."""

    __slots__ = ("_hash", "content")

    def __init__(self, content: Hashable) -> None:
        self.content = content
        self._hash = hash(content)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Key) and self._hash == other._hash and self.content == other.content
        )


def structure(jaxpr: core.Jaxpr, derivatives: int) -> Hashable:
    """Return a key of a jaxpr in which there are no constants and no jitted functions.

    Parameters
    ----------
    jaxpr : Jaxpr
        As `Inlined` makes it.
    derivatives : int
        How many times in a row it may be differentiated, forward: so many of the rules that the
        user wrote are part of what it computes.
    """
    numbers: dict[core.Var, int] = {}

    def read(atom: Atom) -> Hashable:
        return _literal(atom) if isinstance(atom, core.Literal) else numbers[atom]

    def define(variables: Sequence[core.Var]) -> None:
        for variable in variables:
            numbers[variable] = len(numbers)

    define(jaxpr.invars)
    equations: list[Hashable] = []
    for equation in jaxpr.eqns:
        arguments = tuple([read(atom) for atom in equation.invars])
        # JAX makes one object of equal contexts, as there is one of each primitive.
        which = (equation.primitive, equation.ctx)
        equations.append((*which, arguments, _parameters(equation, derivatives)))
        define(equation.outvars)
    avals = tuple([variable.aval for variable in jaxpr.invars])
    return (avals, tuple(equations), tuple([read(atom) for atom in jaxpr.outvars]))


def _literal(literal: core.Literal) -> Hashable:
    aval: Any = literal.aval
    return (aval, scalar(literal).tobytes() if is_plain(aval) else object())


def _parameters(equation: core.JaxprEqn, derivatives: int) -> Hashable:
    params = equation.params
    if equation.primitive.name == "custom_jvp_call":
        return (_parameter(params["call_jaxpr"], derivatives), _rule(equation, derivatives))
    if equation.primitive.name == "scan":
        how = tuple([params[name] for name in ("length", "reverse", "unroll")])
        return (how, scan_sizes(params), _parameter(params["jaxpr"], derivatives))
    if equation.primitive.name == "custom_vjp_call" and derivatives == 0:
        return _parameter(params["call_jaxpr"], 0)
    return tuple([(name, _parameter(value, derivatives)) for name, value in params.items()])


def _rule(equation: core.JaxprEqn, derivatives: int) -> Hashable:
    """Return a key of the derivative that the user wrote for an equation: of what it computes.

    The rule itself is a new object in each trace, which tells nothing.
    """
    if derivatives == 0:
        return None
    if equation.params["symbolic_zeros"]:  # it may compute something else for each pattern of them
        return object()
    return _parameter(_derivative(equation), derivatives - 1)


def _derivative(equation: core.JaxprEqn) -> Any:
    """Return the closed jaxpr of (primals, tangents) -> results and their tangents."""
    inputs: list[Any] = [core.Var(atom.aval) for atom in equation.invars]
    outputs = [core.Var(variable.aval) for variable in equation.outvars]
    inner = equation.replace(invars=inputs, outvars=outputs)
    info = equation.params["call_jaxpr"].jaxpr.debug_info
    alone = core.Jaxpr((), inputs, outputs, [inner], equation.effects, info)
    function = core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))
    primals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in inputs]
    smooth = [jax.numpy.issubdtype(primal.dtype, np.inexact) for primal in primals]

    def derivative(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        left = iter(tangents)
        every = [
            next(left) if has_one else np.zeros(primal.shape, jax.dtypes.float0)
            for primal, has_one in zip(primals, smooth, strict=True)
        ]
        return jax.jvp(function, list(primals), every)

    tangents = [primal for primal, has_one in zip(primals, smooth, strict=True) if has_one]
    return jax.make_jaxpr(derivative)(primals, tangents)


def _parameter(value: Any, derivatives: int) -> Hashable:
    """Return a key of a parameter of an equation, or of a part of one."""
    kind: type[Any] = type(value)
    if kind in (int, bool, str, bytes, type(None)):
        return (kind, value)
    if hasattr(value, "eqns"):
        inlined = Inlined(value, lambda *_: False)
        return (structure(inlined.jaxpr, derivatives), _parameter(inlined.values, 0))
    if isinstance(value, tuple | list):
        return (kind, tuple([_parameter(item, derivatives) for item in value]))
    if isinstance(value, dict):
        names = tuple(value)
        return (kind, _parameter(names, 0), _parameter(tuple(value.values()), derivatives))
    if kind in (float, complex, np.ndarray) or isinstance(value, np.generic):
        array = np.asarray(value)
        if array.dtype.kind in "biufc":
            return (kind, array.dtype, array.shape, array.tobytes())
        return object()
    return value if _has_a_value(value) else object()


def _has_a_value(value: Any) -> bool:
    """Return whether equality means that there is no difference at all."""
    kind: type[Any] = type(value)
    if isinstance(value, FunctionType):  # that of a library without a closure never changes
        return value.__module__.startswith("jax.") and value.__closure__ is None
    if kind is _TREE or not kind.__module__.startswith(_COMPARED_BY_JAX):
        return isinstance(value, Enum) and kind.__module__.startswith("jax")
    try:
        hash(value)
    except TypeError:
        return False
    return True
