"""Jaxprs without the jitted functions in them, and with inputs in the place of their constants."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.core import ShapedArray, Tracer

from trustfit import _jaxpr as core

Atom: TypeAlias = "core.Var | core.Literal"
Value: TypeAlias = Any
"""NumPy's array or scalar; a tracer of an enclosing transformation is left alone."""

_JITTED = frozenset({"jit", "pjit"})


def is_plain(aval: Any) -> bool:
    """Return whether an abstract value is an array of numbers, not of keys, nor a reference."""
    return isinstance(aval, ShapedArray) and isinstance(aval.dtype, np.dtype)


def scalar(literal: core.Literal) -> Any:
    """Return the value of a literal as a scalar of NumPy, which nobody can change."""
    aval: Any = literal.aval
    return np.asarray(literal.val, aval.dtype)[()]


def _copied(constant: Any, aval: Any) -> Value:
    if isinstance(constant, Tracer) or not is_plain(aval):
        return constant
    return np.array(constant, aval.dtype)


def _renewed(variable: core.Var) -> core.Var:
    return variable if isinstance(variable, core.DropVar) else core.Var(variable.aval)


def _stand_in(atom: Atom) -> Any:
    aval: Any = atom.aval
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def scan_sizes(params: dict[str, Any]) -> tuple[int, int, int]:
    """Return how many constants, carried values and arrays to go through a scan takes."""
    if "ft_in" in params:  # in newer versions of JAX
        consts, carry, items = map(len, params["ft_in"].unpack())
        return consts, carry, items
    consts, carry = params["num_consts"], params["num_carry"]
    return consts, carry, len(params["jaxpr"].jaxpr.invars) - consts - carry


class Inlined:
    """A jaxpr in the making, without jitted functions and constants.

    Parameters
    ----------
    closed : ClosedJaxpr, or Jaxpr without constants
        What it is made from.
    is_lifted : callable
        Tells of a literal, and the name of the primitive that it goes into, whether it becomes an
        input.

    Attributes
    ----------
    jaxpr : Jaxpr
        Its inputs are the new ones, then those that there were.
    values : list of arrays and scalars
        What the new inputs are to be given: private copies, for a constant of a trace is a view of
        the array that the user may change.
    """

    def __init__(self, closed: Any, is_lifted: Callable[[core.Literal, str], bool]) -> None:
        self.values: list[Value] = []
        self._is_lifted = is_lifted
        self._inputs: list[core.Var] = []
        self._equations: list[core.JaxprEqn] = []
        inner = getattr(closed, "jaxpr", closed)
        inputs = [core.Var(variable.aval) for variable in inner.invars]
        outputs = [self._input_or_literal(atom, "") for atom in self._inline(closed, inputs)]
        names = inner.debug_info.arg_names
        if names is not None:
            names = ("",) * len(self._inputs) + tuple(names)
        info = inner.debug_info._replace(arg_names=names)
        invars = [*self._inputs, *inputs]
        self.jaxpr = core.Jaxpr((), invars, outputs, self._equations, inner.effects, info)

    def _input(self, value: Value, aval: Any) -> core.Var:
        variable = core.Var(aval)
        self._inputs.append(variable)
        self.values.append(value)
        return variable

    def _inline(self, closed: Any, arguments: Iterable[Atom]) -> list[Atom]:
        """Append a jaxpr's equations, and return its outputs.

        All variables are new, since a jaxpr can be inlined more than once.
        """
        inner = getattr(closed, "jaxpr", closed)
        known: dict[core.Var, Atom] = dict(zip(inner.invars, arguments, strict=True))
        for variable, constant in zip(inner.constvars, getattr(closed, "consts", ()), strict=True):
            known[variable] = self._input(_copied(constant, variable.aval), variable.aval)

        def read(atom: Atom) -> Atom:
            return atom if isinstance(atom, core.Literal) else known[atom]

        for equation in inner.eqns:
            invars, name = [read(atom) for atom in equation.invars], equation.primitive.name
            if name not in _JITTED:  # what a literal goes into shows inside
                invars = [self._input_or_literal(atom, name) for atom in invars]
            known.update(zip(equation.outvars, self._equation(equation, invars), strict=True))
        return [read(atom) for atom in inner.outvars]

    def _equation(self, equation: core.JaxprEqn, invars: list[Atom]) -> list[Atom]:
        """Append an equation, and return its outputs."""
        name, params = equation.primitive.name, equation.params
        if name in _JITTED:
            return self._inline(params["jaxpr"], invars)
        if name == "scan" and (opened := self._with_open_body(params, invars)) is not None:
            return self._inline(*opened)
        if name == "while":
            invars, params = self._with_open_loop(params, invars)
        elif name == "cond":
            invars, params = self._with_open_branches(params, invars)
        outvars: list[Any] = [_renewed(variable) for variable in equation.outvars]
        self._equations.append(equation.replace(invars=invars, outvars=outvars, params=params))
        return outvars

    def _input_or_literal(self, literal: Atom, name: str) -> Atom:
        if not isinstance(literal, core.Literal):
            return literal
        if self._is_lifted(literal, name):
            return self._input(scalar(literal), literal.aval)
        # A literal can be a view of the user's array of no dimensions.
        if isinstance(literal.val, np.ndarray) and is_plain(literal.aval):
            return core.Literal(scalar(literal), literal.aval)
        return literal

    def _with_open_body(
        self, params: dict[str, Any], invars: list[Atom]
    ) -> tuple[Any, list[Atom]] | None:
        """Return a closed jaxpr of the scan that takes what its body lifts, if that is anything.

        Its parameters differ between versions of JAX, so that a new one is traced.
        """
        body, new = self._body(params["jaxpr"])
        if not new:
            return None
        function = core.jaxpr_as_fun(body)
        consts, carry, _ = scan_sizes(params)
        consts += len(new)

        def loop(*arguments: Any) -> Any:
            def step(state: Any, item: Any) -> Any:
                results = function(*arguments[:consts], *state, *item)
                return results[:carry], results[carry:]

            how = {name: params[name] for name in ("length", "reverse", "unroll")}
            start, items = arguments[consts : consts + carry], arguments[consts + carry :]
            return jax.lax.scan(step, list(start), list(items), **how)

        every = [*new, *invars]
        return jax.make_jaxpr(loop)(*map(_stand_in, every)), every

    def _with_open_loop(
        self, params: dict[str, Any], invars: list[Atom]
    ) -> tuple[list[Atom], dict[str, Any]]:
        body, new = self._body(params["body_jaxpr"])
        test, new_of_test = self._body(params["cond_jaxpr"])
        before = params["cond_nconsts"]
        more = {
            "body_jaxpr": body,
            "cond_jaxpr": test,
            "body_nconsts": params["body_nconsts"] + len(new),
            "cond_nconsts": before + len(new_of_test),
        }
        return [*new_of_test, *invars[:before], *new, *invars[before:]], params | more

    def _body(self, closed: Any) -> tuple[Any, list[core.Var]]:
        inlined = Inlined(closed, self._is_lifted)
        jaxpr = inlined.jaxpr
        new = zip(inlined.values, jaxpr.invars, strict=False)
        return core.ClosedJaxpr(jaxpr, ()), [self._input(value, v.aval) for value, v in new]

    def _with_open_branches(
        self, params: dict[str, Any], invars: list[Atom]
    ) -> tuple[list[Atom], dict[str, Any]]:
        """Every branch takes what any of them lifts, for their inputs must be the same."""
        bodies = [self._body(branch) for branch in params["branches"]]
        news = [new for _, new in bodies]
        branches: list[Any] = []
        for position, (body, own) in enumerate(bodies):
            before = [core.Var(v.aval) for new in news[:position] for v in new]
            after = [core.Var(v.aval) for new in news[position + 1 :] for v in new]
            inner = body.jaxpr
            inputs = [*before, *inner.invars[: len(own)], *after, *inner.invars[len(own) :]]
            names = inner.debug_info.arg_names
            if names is not None:
                names = ("",) * (len(before) + len(after)) + tuple(names)
            info = inner.debug_info._replace(arg_names=names)
            args = ((), inputs, inner.outvars, inner.eqns, inner.effects, info)
            branches.append(core.ClosedJaxpr(core.Jaxpr(*args), ()))
        every = [v for new in news for v in new]
        return [invars[0], *every, *invars[1:]], params | {"branches": tuple(branches)}
