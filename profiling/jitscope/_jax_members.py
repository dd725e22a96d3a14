"""The one way to JAX's private interfaces: what is not there is named, with the version of JAX."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from jitscope._support import unsupported


def module(name: str) -> Any:
    """Return a private module of JAX, as ``interpreters.pxla``.

    Raises
    ------
    RuntimeError
        There is none: this JAX is not supported.
    """
    full = f"jax._src.{name}"
    try:
        return import_module(full)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{full}.".startswith(f"{error.name}."):
            raise  # JAX itself misses something
        raise unsupported(f"`{full}` does not exist") from error


def member(owner: Any, name: str) -> Any:
    """Return what a module or a class has under a name by itself, not through its bases.

    Raises
    ------
    RuntimeError
        There is none: this JAX is not supported.
    """
    if name not in vars(owner):
        raise unsupported(f"`{owner.__name__}.{name}` does not exist")
    return vars(owner)[name]


def attribute(value: Any, name: str) -> Any:
    """Return an attribute of an object of JAX's.

    Raises
    ------
    RuntimeError
        There is none: this JAX is not supported.
    """
    try:
        return getattr(value, name)
    except AttributeError as error:
        raise unsupported(f"`{type(value).__qualname__}.{name}` does not exist") from error


def entry(values: Mapping[str, Any], name: str, of: str) -> Any:
    """Return an entry of a mapping, as a local variable of the function `of`.

    Raises
    ------
    RuntimeError
        There is none: this JAX is not supported.
    """
    if name not in values:
        raise unsupported(f"`{of}` has no `{name}`")
    return values[name]
