"""Keys of programs as text that is the same in every process, for what has such a text at all.

A key is made of values: numbers, names, shapes, types, and what JAX compares by value. Each is
written with its kind and its length or its end, so that different keys have different texts. What
only has an identity (an object, a function of the user's, a primitive that JAX does not define) has
no text, and a program that depends on it is never kept beyond its process.
"""

import json
from collections.abc import Callable, Iterable
from enum import Enum
from types import FunctionType, MappingProxyType
from typing import Any

import jax
import numpy as np
from jax.interpreters import ad

from trustfit._structure import Key

_NUMBERS = "biufc"
_LIBRARIES = ("jax", "jaxlib", "numpy", "ml_dtypes", "trustfit", "builtins")
# Of `jax._src.core`: what an array is, and the circumstances of an operation.
_TOLD_BY_SLOTS = ("ShapedArray", "ManualAxisType", "JaxprEqnContext")


class NoText(Exception):
    """A value is the same value in this process only."""


def stable_text(value: Any) -> str:
    """Return a text that other values do not have, and equal ones have in every process.

    Raises
    ------
    NoText
        If there is none.
    """
    kind: type[Any] = type(value)
    if kind is Key:
        return stable_text(value.content)
    write = _WRITERS.get(kind)
    if write is not None:
        return write(value)
    if isinstance(value, type):
        return f"type {_name_of(value)}"
    if isinstance(value, np.dtype):
        return _dtype(value)
    return _of_library(value)


def _sequence(values: Iterable[Any]) -> str:
    return f"({','.join(map(stable_text, values))})"


def _quoted(value: str) -> str:
    return json.dumps(value)


_WRITERS: MappingProxyType[type[Any], Callable[[Any], str]] = MappingProxyType(
    {
        type(None): repr,
        bool: repr,
        int: repr,
        float: lambda value: f"float {value.hex()}",
        str: _quoted,
        bytes: lambda value: f"bytes {value.hex()}",
        tuple: _sequence,
        list: lambda value: f"list {_sequence(value)}",
        frozenset: lambda value: f"set ({','.join(sorted(map(stable_text, value)))})",
    }
)


def _name_of(kind: Any) -> str:
    """Return the name of a class or a function of a library; its version is told elsewhere."""
    module, name = str(kind.__module__), str(kind.__qualname__)
    if module.partition(".")[0] not in _LIBRARIES or "<locals>" in name:
        raise NoText(f"{module}.{name} is not one of the libraries'.")
    return f"{module}.{name}"


def _dtype(dtype: np.dtype[Any]) -> str:
    if dtype.kind in _NUMBERS:
        return f"dtype {dtype.str}"
    if dtype.hasobject or dtype.names is not None:
        raise NoText(f"{dtype} is not a type of numbers.")
    return f"dtype {_name_of(dtype.type)}"


def _of_library(value: Any) -> str:
    kind: type[Any] = type(value)
    if isinstance(value, FunctionType):
        return _function(value)
    name = _name_of(kind)
    if isinstance(value, Enum):
        return f"{name}.{value.name}"
    if isinstance(value, tuple):  # a named one
        return f"{name} {_sequence(value)}"
    if kind.__name__ in ("Primitive", "CustomJVPCallPrimitive"):
        return _primitive(value)
    if kind.__name__ in ("AbstractMesh", "NamedSharding"):
        return _of_one_device(value, name)
    if kind.__name__ in _TOLD_BY_SLOTS and kind.__module__ == "jax._src.core":
        return f"{name} {_sequence(_slots(value))}"
    if kind.__name__ == "AutoLayoutSingleton":
        return name
    raise NoText(f"{name} is not known to be told by its content.")


def _function(function: FunctionType) -> str:
    """Return the place of a function that nothing but its code makes what it is."""
    if function.__closure__ or function.__defaults__ or function.__kwdefaults__:
        raise NoText(f"{function.__qualname__} depends on values.")
    if function.__module__.partition(".")[0] != "jax":
        raise NoText(f"{function.__qualname__} is not one of JAX's.")
    return f"function {_name_of(function)} {function.__code__.co_firstlineno}"


def _primitive(primitive: Any) -> str:
    """Return the name of one of JAX's own; any other may be called as one of these is."""
    name = str(primitive.name)
    places = (jax.lax, jax.lax.linalg)
    found = [getattr(place, f"{name}_p", None) for place in places]
    found += [jax.custom_derivatives.custom_jvp_call_p, ad.add_jaxvals_p]
    if not any(one is primitive for one in found):
        raise NoText(f"The primitive {name} is not known to be JAX's.")
    return f"primitive {_quoted(name)}"


def _of_one_device(value: Any, name: str) -> str:
    mesh = getattr(value, "mesh", value)
    if not mesh.empty:
        raise NoText("A mesh of devices is known to this process only.")
    return f"{name} of no mesh"


def _slots(value: Any) -> list[Any]:
    """Return all that an object holds, by name; one that holds anything else has no text."""
    kind: type[Any] = type(value)
    if hasattr(value, "__dict__") and not hasattr(kind, "__dataclass_fields__"):
        raise NoText(f"{kind.__name__} may hold anything.")
    names = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
    names += getattr(kind, "__dataclass_fields__", ())
    own = sorted({name for name in names if not name.startswith("_")})
    return [(name, getattr(value, name, None)) for name in own]
