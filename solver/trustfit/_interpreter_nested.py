"""Operations that evaluate jaxprs of their own: loops, choices, and functions that are called."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import jax
import numpy as np

from trustfit._inlining import scan_sizes
from trustfit._interpreter_values import Function, dtype_of, refuse, shape_of

Prepare: TypeAlias = Callable[[Any], Callable[..., list[Any]]]
"""A closed jaxpr -> a function of its inputs that gives its outputs."""

NestedRule: TypeAlias = Callable[[Any, Prepare], Function]


def _call(equation: Any, prepare: Prepare) -> Function:
    params = equation.params
    body = params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]
    function = prepare(body)
    return lambda *operands: tuple(function(*operands))


def _cond(equation: Any, prepare: Prepare) -> Function:
    branches = [prepare(branch) for branch in equation.params["branches"]]
    last = len(branches) - 1

    def choose(index: Any, *operands: Any) -> Any:
        return tuple(branches[min(max(int(index), 0), last)](*operands))

    return choose


def _while(equation: Any, prepare: Prepare) -> Function:
    params = equation.params
    if shape_of(params["cond_jaxpr"].jaxpr.outvars[0]):
        refuse(equation, "whose condition is an array")
    goes_on, body = prepare(params["cond_jaxpr"]), prepare(params["body_jaxpr"])
    first = params["cond_nconsts"]
    last = first + params["body_nconsts"]

    def loop(*operands: Any) -> Any:
        of_condition, of_body = operands[:first], operands[first:last]
        carried: Sequence[Any] = operands[last:]
        while goes_on(*of_condition, *carried)[0]:
            carried = body(*of_body, *carried)
        return tuple(carried)

    return loop


def _scan(equation: Any, prepare: Prepare) -> Function:
    params = equation.params
    body, length = prepare(params["jaxpr"]), params["length"]
    first, carry, _ = scan_sizes(params)
    last = first + carry
    order = range(length)[::-1] if params["reverse"] else range(length)
    stacked = [(shape_of(one), dtype_of(one)) for one in equation.outvars[carry:]]

    def loop(*operands: Any) -> Any:
        consts, items = operands[:first], operands[last:]
        carried: Sequence[Any] = operands[first:last]
        results = [np.empty(shape, dtype) for shape, dtype in stacked]
        for index in order:
            found = body(*consts, *carried, *(item[index] for item in items))
            carried = found[:carry]
            for result, one in zip(results, found[carry:], strict=True):
                result[index] = one
        return (*carried, *results)

    return loop


def _linear_solve(equation: Any, prepare: Prepare) -> Function:
    lengths = equation.params["const_lengths"]
    solve = prepare(equation.params["jaxprs"].solve)
    first = lengths.matvec + lengths.vecmat
    last = first + lengths.solve
    rest = last + lengths.transpose_solve
    return lambda *operands: tuple(solve(*operands[first:last], *operands[rest:]))


def _expanded(equation: Any, prepare: Prepare) -> Function:
    """Take what newer versions of JAX call a high primitive for what it stands for."""
    operation = equation.params["_prim"]
    types = [jax.ShapeDtypeStruct(shape_of(one), dtype_of(one)) for one in equation.invars]

    def expand(*operands: Any) -> list[Any]:
        return jax.tree.leaves(
            operation.expand(*jax.tree.unflatten(operation.in_tree, list(operands)))
        )

    function = prepare(jax.make_jaxpr(expand)(*types))
    return lambda *operands: tuple(function(*operands))


NESTED: Mapping[str, NestedRule] = MappingProxyType(
    {
        **dict.fromkeys(("call", "checkpoint", "closed_call", "core_call", "eval_jaxpr"), _call),
        **dict.fromkeys(("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"), _call),
        **dict.fromkeys(("jit", "pjit", "remat", "remat2"), _call),
        "call_hi_primitive": _expanded,
        "cond": _cond,
        "custom_linear_solve": _linear_solve,
        "scan": _scan,
        "while": _while,
    }
)
"""Rules of operations that evaluate jaxprs."""
