"""Whether a trace of the user's function means what a plain call of it does.

Tracing runs a function on stand-ins for its arrays, and some code takes another way there than it
takes with NumPy's arrays: the trace then belongs to another function. What a trace shows of that by
itself, `inspect` finds. The rest (`isinstance`, a caught exception, an array changed in place, as
JAX's never are) shows in a comparison with a plain call, which costs that call: `is_doubtful` says
whether the function's code gives a reason for one.
"""

import dis
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

MOST_FUSED = 150
"""Equations up to which XLA may fuse them: for chains of many its time grows out of bounds."""

MOST_COMPILED = 2000
"""Equations up to which a function is worth compiling at all."""

_TELLING = frozenset({"isinstance", "issubclass", "isscalar", "hasattr", "getattr", "type"})
_CHANGING = frozenset({"sort", "fill", "put", "partition", "resize", "itemset"})
_LIBRARIES = ("jax", "jaxlib", "numpy", "math")


class Mismatch(TypeError):
    """A function's trace does not mean what a plain call does, or is no use."""


def inner_jaxprs(equation: Any) -> Iterator[Any]:
    """Yield the jaxprs among an equation's parameters: the bodies of loops and jitted functions."""
    for parameter in equation.params.values():
        for one in parameter if isinstance(parameter, tuple | list) else (parameter,):
            jaxpr = getattr(one, "jaxpr", one)
            if hasattr(jaxpr, "eqns"):
                yield jaxpr


def count_equations(jaxpr: Any) -> int:
    """Return how many equations a jaxpr has, those inside its loops and calls included, once."""
    return sum(1 + sum(map(count_equations, inner_jaxprs(equation))) for equation in jaxpr.eqns)


def _depends(jaxpr: Any) -> bool:
    """Return whether a result depends on the first argument."""
    tainted = {jaxpr.invars[0]}
    for equation in jaxpr.eqns:
        if any(atom in tainted for atom in equation.invars if not hasattr(atom, "val")):
            tainted.update(equation.outvars)
    return any(atom in tainted for atom in jaxpr.outvars if not hasattr(atom, "val"))


_FOLDED: Mapping[str, Callable[..., int]] = {
    "lt": lambda a, b: int(a < b),
    "add": lambda a, b: a + b,
    "select_n": lambda which, *cases: cases[which],
    "convert_element_type": lambda a: a,
}
"""What JAX does to an index before it uses it."""


def _check_indices(jaxpr: Any) -> None:
    """Refuse an index out of range, which NumPy would: JAX takes the last element for it."""
    known: dict[Any, int] = {}

    def value(atom: Any) -> int | None:
        if not hasattr(atom, "val"):
            return known.get(atom)
        literal = np.asarray(atom.val)
        return int(literal) if literal.ndim == 0 and literal.dtype.kind in "bi" else None

    for equation in jaxpr.eqns:
        name, values = equation.primitive.name, [value(atom) for atom in equation.invars]
        if name in _FOLDED and None not in values:
            known[equation.outvars[0]] = _FOLDED[name](*values)
        elif name == "dynamic_slice":
            shape, sizes = equation.invars[0].aval.shape, equation.params["slice_sizes"]
            for index, length, size in zip(values[1:], shape, sizes, strict=True):
                if index is not None and not 0 <= index <= length - size:
                    raise Mismatch(f"An index is out of range for the {length} elements there.")


def inspect(traced: Any, *, constant: bool = False) -> None:
    """Refuse a closed jaxpr that cannot mean what the function does.

    Parameters
    ----------
    traced : ClosedJaxpr
        Of the function; its first argument is x.
    constant : bool
        Whether the results may be independent of x, as a linear function's derivative is.

    Raises
    ------
    Mismatch
        If it is none of x: a function that catches every exception would pass for a constant, and
        its start values for a solution; if an index is out of range; or if it is too long.
    """
    jaxpr = traced.jaxpr
    count = count_equations(jaxpr)
    if count > MOST_COMPILED:
        raise Mismatch(
            f"It takes {count} operations on arrays, too many to compile. Loops over elements "
            "become few of them by `jnp.arange` and the like, or by `jax.lax.scan`."
        )
    if not constant and not _depends(jaxpr):
        raise Mismatch("Its values depend on none of the variables that it is handed.")
    _check_indices(jaxpr)


@lru_cache(maxsize=1024)
def _has_reason(code: CodeType) -> bool:
    """Return whether code looks at types, catches exceptions, or changes arrays in place."""
    if not (_TELLING | _CHANGING).isdisjoint(code.co_names):
        return True
    handlers = 0
    for instruction in dis.get_instructions(code):
        handlers += instruction.opname == "PUSH_EXC_INFO"
        handlers -= instruction.opname == "WITH_EXCEPT_START"
        if instruction.opname == "BINARY_OP" and instruction.argrepr.endswith("="):
            return True
    return handlers > 0 or any(map(_has_reason, _codes_in(code)))


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def _names_in(code: CodeType) -> set[str]:
    return set(code.co_names).union(*map(_names_in, _codes_in(code)))


def _reachable(function: FunctionType) -> Iterator[Any]:
    """Yield what a function's closure and the globals that it names hold."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    names = _names_in(function.__code__)
    yield from (value for name, value in function.__globals__.items() if name in names)


def is_doubtful(function: Any) -> bool:
    """Return whether a function's code, or what it calls, asks for a comparison.

    So does what cannot be seen: what an object's method calls, and modules but JAX and NumPy.
    """
    return _is_doubtful(function, [])


def _is_doubtful(function: Any, visited: list[FunctionType]) -> bool:
    if isinstance(function, partial):
        return _is_doubtful(function.func, visited)
    if isinstance(function, ModuleType):
        return not _is_library(function.__name__)
    if not isinstance(function, FunctionType):
        kind: type[Any] = type(function)
        by_hand = hasattr(getattr(kind, "__call__", None), "__code__")  # noqa: B004 - of its class
        return isinstance(function, MethodType) or (by_hand and not _is_library(kind.__module__))
    if function in visited or _is_library(function.__module__):
        return False
    visited.append(function)
    own = (function.__module__ or "").startswith("trustfit.")
    if not own and _has_reason(function.__code__):
        return True
    return any(_is_doubtful(value, visited) for value in _reachable(function))


def _is_library(module: str | None) -> bool:
    return (module or "").split(".")[0] in _LIBRARIES
