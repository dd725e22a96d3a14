"""What a function is: a fingerprint that changes whenever a trace of the function might.

What tracing a function gives depends on its code and on everything the code can read: closure
cells, defaults, globals, and the functions among them in turn. A fingerprint holds all of that by
value, except the contents of arrays: those are handed over beside it, to be compared with private
copies (`_snapshot`). Where the code can reach anything else that can change (lists, objects,
methods, a file, the time), or can itself change something, there is no fingerprint, and the caller
traces the function at every call. That costs more, and gives the same answers.
"""

import builtins
import functools
import sys
from collections.abc import Callable, Hashable
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from types import CellType, FunctionType, ModuleType
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from trustfit._bytecode import UNSTABLE, names_read
from trustfit._snapshot import Array

_LIBRARIES = ("jax", "numpy", "math")
_PURE_BUILTINS = {
    name: getattr(builtins, name)
    for name in (
        *("abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "filter"),
        *("float", "int", "isinstance", "len", "list", "map", "max", "min", "pow", "range"),
        *("reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
    )
}
_SCALARS = frozenset({int, bool, str, bytes, type(None), type(Ellipsis)})
# The settings of JAX by which a trace turns out otherwise.
_settings = attrgetter(
    *("jax_enable_x64", "jax_numpy_dtype_promotion", "jax_default_matmul_precision"),
    *("jax_softmax_custom_jvp", "jax_disable_jit"),
)
_A_JITTED = jax.jit(lambda: None)
_NAMES_OF_JITTED = frozenset(vars(_A_JITTED))
_bits = Struct("=d").pack
_two_bits = Struct("=dd").pack


class Fingerprint(NamedTuple):
    """All that a trace of a function depends on.

    Attributes
    ----------
    key : hashable
        Everything but the contents of `arrays`. Keys are equal only if all values are, bit by bit
        and with their types.
    arrays : tuple of arrays
        The arrays that the function can read, each once, in the order in which `key` has them.
    """

    key: Hashable
    arrays: tuple[Array, ...]


class _Opaque(Exception):
    """Something reachable from the function can change without the fingerprint noticing."""


class _Walk:
    """What has been met on the way: functions and arrays, each of which is entered once."""

    __slots__ = ("arrays", "functions")

    def __init__(self) -> None:
        self.functions: list[FunctionType] = []
        self.arrays: list[Array] = []


def fingerprint(function: Any) -> Fingerprint | None:
    """Return what a trace of a function depends on; None where that can change unnoticed.

    If a second fingerprint has an equal key, and the contents of the arrays are as they were just
    before the first trace, then a second trace would give what the first one gave.

    Parameters
    ----------
    function : callable, or tuple of callables and values
        Functions written in Python, `functools.partial` and `jax.jit` of such, and those of JAX
        and NumPy. What else a fingerprint can hold are numbers, strings, tuples and arrays.

    Returns
    -------
    fingerprint : Fingerprint or None
        None for anything that can change, or for code that can change something, by itself.
    """
    walk = _Walk()
    try:
        key = (_settings(jax.config), _value(function, walk))
    except _Opaque:
        return None
    return Fingerprint(key, tuple(walk.arrays))


def _content_of(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError as empty:
        raise _Opaque from empty


def _function(function: FunctionType, walk: _Walk) -> Hashable:
    if _is_public_in_library(function):
        return _library(function)
    for position, visited in enumerate(walk.functions):
        if visited is function:
            return ("function", position)
    walk.functions.append(function)
    names = names_read(function.__code__)
    if names is None or function.__dict__:
        raise _Opaque
    keywords = function.__kwdefaults__
    return (
        function.__code__,
        tuple([_value(_content_of(cell), walk) for cell in function.__closure__ or ()]),
        _value(function.__defaults__, walk),
        keywords and tuple([(name, _value(keywords[name], walk)) for name in sorted(keywords)]),
        tuple([_global(name, function, walk) for name in names]),
    )


def _global(name: str, function: FunctionType, walk: _Walk) -> Hashable:
    namespace = function.__globals__
    if name in namespace:
        return _value(namespace[name], walk)
    builtin = _PURE_BUILTINS.get(name)
    if builtin is None or function.__builtins__.get(name) is not builtin:
        raise _Opaque
    return "builtin"


@lru_cache(maxsize=4096)
def _is_library(module: str) -> bool:
    parts = module.split(".")
    return parts[0] in _LIBRARIES and UNSTABLE.isdisjoint(parts)


def _is_public_in_library(value: Any) -> bool:
    """Whether the value is what its own module in a library holds under its own name."""
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not (isinstance(module, str) and isinstance(name, str) and _is_library(module)):
        return False
    if name in UNSTABLE:
        raise _Opaque
    return getattr(sys.modules.get(module), name, None) is value


def _library(value: Any) -> Hashable:
    if not _is_public_in_library(value):
        raise _Opaque
    return ("library", value.__module__, value.__name__)


def _module(module: ModuleType, _walk: _Walk) -> Hashable:
    name = module.__name__
    if not _is_library(name) or sys.modules.get(name) is not module:
        raise _Opaque
    return ("module", name)


class Same:
    """An object compared by identity, and kept alive, so that no other one can take its place."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _jitted(function: Any, walk: _Walk) -> Hashable:
    """Return the identity too: it stands for the settings, as for which arguments are static."""
    if _is_public_in_library(function):
        return _library(function)
    if not function.__dict__.keys() <= _NAMES_OF_JITTED:
        raise _Opaque
    return ("jit", Same(function), _value(function.__wrapped__, walk))


def _partial(function: "functools.partial[Any]", walk: _Walk) -> Hashable:
    if function.__dict__:
        raise _Opaque
    keywords = tuple([(name, _value(value, walk)) for name, value in function.keywords.items()])
    return ("partial", _value(function.func, walk), _value(function.args, walk), keywords)


def _array(array: Array, walk: _Walk) -> Hashable:
    """Return where an array stands, and all but its content: sums depend on the strides too."""
    dtype: Any = array.dtype
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biufc":
        raise _Opaque
    for position, seen in enumerate(walk.arrays):
        if seen is array:
            return ("array", position)
    walk.arrays.append(array)
    if isinstance(array, np.ndarray):
        return ("numpy", dtype, array.shape, array.strides)
    if array.is_deleted() or len(array.devices()) != 1:
        raise _Opaque
    return ("jax", dtype, array.shape, array.weak_type)


def _other(value: Any, walk: _Walk) -> Hashable:
    if isinstance(value, jax.Array) and not isinstance(value, Tracer):
        return _array(value, walk)
    if isinstance(value, np.dtype):
        return ("dtype", value)
    return _library(value)


def _number(value: Any, _walk: _Walk) -> Hashable:
    return (type(value), value.dtype.str, value.tobytes())


_BY_TYPE: dict[type[Any], Callable[[Any, _Walk], Hashable]] = {
    **{kind: _number for kind in np.sctypeDict.values() if issubclass(kind, np.number | np.bool_)},
    float: lambda value, _: _bits(value),
    complex: lambda value, _: _two_bits(value.real, value.imag),
    tuple: lambda values, walk: (tuple, tuple([_value(value, walk) for value in values])),
    FunctionType: _function,
    functools.partial: _partial,
    ModuleType: _module,
    np.ndarray: _array,
    type(_A_JITTED): _jitted,
}


def _value(value: Any, walk: _Walk) -> Hashable:
    kind: type[Any] = type(value)
    if kind in _SCALARS:
        return (kind, value)
    return _BY_TYPE.get(kind, _other)(value, walk)
