"""What a function is: a key that two functions share only if they must compute the same.

A compiled kernel may be used again for another call only if the function would be traced to the
same program. That depends on its code and on everything the code can read: closure cells, defaults
and globals. A key is made only if all of that is immutable and compared by value; where anything
else is reachable (arrays, lists, objects, partials, methods) there is no key, and the caller
compiles afresh.
"""

import builtins
import dis
import sys
from collections.abc import Hashable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

_LIBRARIES = ("jax", "numpy", "math")
_PURE_BUILTINS = {
    abs,
    all,
    any,
    bool,
    complex,
    dict,
    divmod,
    enumerate,
    filter,
    float,
    int,
    isinstance,
    len,
} | {list, map, max, min, pow, range, reversed, round, set, slice, sorted, str, sum, tuple, zip}
# What a library holds under these names is state, chance, the time or a file's content.
_UNSTABLE = frozenset(
    {"config", "DataSource", "datetime64", "fromfile", "fromregex", "genfromtxt"}
) | {"load", "loadtxt", "memmap", "random"}
_REFUSED = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "IMPORT_NAME"})


class _Opaque(Exception):
    """Something reachable from the function can change without the key noticing."""


def function_key(function: Any) -> Hashable | None:
    """Return a key of the function's code and of all it can read; None where that can change.

    Parameters
    ----------
    function : callable
        Only plain Python functions can have a key.

    Returns
    -------
    key : hashable or None
        Equal keys mean: the same code reading equal values of the same types.
    """
    try:
        if type(function) is not FunctionType:
            return None
        return _function(function, [])
    except _Opaque:
        return None


def value_key(value: Any) -> Hashable | None:
    """Return a key of an argument handed to a function, by the same rules; None without one."""
    try:
        return _value(value, [])
    except _Opaque:
        return None


def _function(function: FunctionType, visited: list[FunctionType]) -> Hashable:
    if function in visited:
        return ("recursion", visited.index(function))
    visited.append(function)
    if vars(function):
        raise _Opaque
    code = function.__code__
    cells: list[Hashable] = []
    for cell in function.__closure__ or ():
        try:
            cells.append(_value(cell.cell_contents, visited))
        except ValueError as empty:
            raise _Opaque from empty
    defaults = _value(function.__defaults__, visited)
    keywords = sorted((function.__kwdefaults__ or {}).items())
    return (
        "function",
        code,
        tuple(cells),
        defaults,
        tuple((name, _value(value, visited)) for name, value in keywords),
        tuple(_global(name, function, visited) for name in sorted(_names_read(code))),
    )


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _names_read(code: CodeType) -> set[str]:
    """Return the globals that the code and the functions inside it read."""
    names: set[str] = set()
    for part in _codes(code):
        # Names like `__dict__` lead past all that is checked here.
        if any(name in _UNSTABLE or _is_dunder(name) for name in part.co_names):
            raise _Opaque
        for instruction in dis.get_instructions(part):
            name, argument = instruction.opname, instruction.argval
            writes_cell = name in ("STORE_DEREF", "DELETE_DEREF") and argument in part.co_freevars
            if name in _REFUSED or writes_cell:
                raise _Opaque
            if "GLOBAL" in name or name == "LOAD_NAME":
                names.add(argument)
    return names


def _global(name: str, function: FunctionType, visited: list[FunctionType]) -> Hashable:
    if name in function.__globals__:
        return (name, _value(function.__globals__[name], visited))
    if getattr(builtins, name, None) in _PURE_BUILTINS:
        return (name, "builtin")
    raise _Opaque


def _is_library(module: str) -> bool:
    parts = module.split(".")
    return parts[0] in _LIBRARIES and _UNSTABLE.isdisjoint(parts)


def _is_public_in_library(value: Any) -> bool:
    """Whether the value is what its own module in a library holds under its own name."""
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not (isinstance(module, str) and isinstance(name, str) and _is_library(module)):
        return False
    if name in _UNSTABLE:
        raise _Opaque
    return getattr(sys.modules.get(module), name, None) is value


def _value(value: Any, visited: list[FunctionType]) -> Hashable:
    kind: type[Any] = type(value)
    if kind in (int, bool, str, bytes, type(None), type(Ellipsis)):
        return (kind, value)
    if kind is float:
        return (kind, value.hex())  # tells -0.0 from 0.0
    if kind is complex:
        return (kind, value.real.hex(), value.imag.hex())
    if issubclass(kind, (np.number, np.bool_)):
        return (kind, value.dtype.str, value.tobytes())
    if kind is tuple:
        return (kind, tuple(_value(item, visited) for item in value))
    if (
        kind is ModuleType
        and _is_library(value.__name__)
        and sys.modules.get(value.__name__) is value
    ):
        return ("module", value.__name__)
    if _is_public_in_library(value):
        return ("library", value.__module__, value.__name__)
    if kind is FunctionType:
        return _function(value, visited)
    raise _Opaque
