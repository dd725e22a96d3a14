"""What the rules of `trustfit._interpreter` have in common.

A rule takes an equation of a jaxpr, and returns a function of NumPy's arrays that gives what the
equation gives: one array, or a tuple of them where its primitive has several results. What is known
from the equation alone is decided there and then, so that an evaluation does not decide it again.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np

Function: TypeAlias = Callable[..., Any]
"""Arrays and scalars of NumPy -> an array, or a tuple of arrays."""

Rule: TypeAlias = Callable[[Any], Function]
"""An equation -> its function."""

Rules: TypeAlias = Mapping[str, Rule]


class Unsupported(Exception):
    """An operation that the interpreter does not know: its argument is the operation's name."""


def refuse(equation: Any, why: str) -> NoReturn:
    """Refuse an equation, in this form, before anything is evaluated."""
    raise Unsupported(f"{equation.primitive.name} ({why})")


def dtype_of(variable: Any) -> np.dtype[Any]:
    """Return the type of an equation's operand or result."""
    return variable.aval.dtype


def shape_of(variable: Any) -> tuple[int, ...]:
    """Return the shape of an equation's operand or result."""
    return variable.aval.shape


def same(function: Function) -> Rule:
    """Return the rule of an operation that is one function, whatever its parameters are."""
    return lambda equation: function


def first_of(*operands: Any) -> Any:
    """Return the first operand: what an operation does that changes nothing."""
    return operands[0]


def real_only(function: Function) -> Rule:
    """Return the rule of an operation whose order of complex numbers is not NumPy's."""

    def rule(equation: Any) -> Function:
        if dtype_of(equation.invars[0]).kind == "c":
            refuse(equation, "of complex numbers")
        return function

    return rule
