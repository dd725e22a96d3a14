"""`@jitscope.profile`, and whether this process runs under `jitscope run`."""

from __future__ import annotations

import inspect
import os
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any

_FOLLOW = "_jitscope_follow"


def enter_run(follow: Callable[[Any], None] | None) -> None:
    """Say that `jitscope run` records this process; `follow` is None but in the lines pass."""
    # On `sys`, as the marks of a program are told apart by process, not by module.
    setattr(sys, _FOLLOW, (os.getpid(), follow))


def profile(function: Any) -> Any:
    """Record each call of a function, and print where its time went.

    A call inside of another recording, of this thread or another one, is not recorded by itself.

    Under `jitscope run` it only marks what the lines pass follows. Of a coroutine function the
    whole awaiting is timed; of a generator function all from the first item to the end, with what
    its consumer does in between. A function that JAX compiles is recorded where the decorator
    stands above `@jax.jit`; below it, where it runs only while it is traced, a warning says so.
    """
    under_run = getattr(sys, _FOLLOW, None)
    if under_run is not None:
        if under_run[1] is not None:
            under_run[1](function)
        return function
    if isasyncgenfunction(function):
        warnings.warn(
            f"{function!r} is an asynchronous generator, which is not recorded by itself; "
            "put the decorator on the coroutine that consumes it.",
            stacklevel=2,
        )
        return function
    if iscoroutinefunction(function):

        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with _reported(function):
                return await function(*args, **kwargs)

        return awaited

    if isgeneratorfunction(function):

        @wraps(function)
        def generated(*args: Any, **kwargs: Any) -> Any:
            with _reported(function):
                return (yield from function(*args, **kwargs))

        return generated

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with _reported(function):
            return function(*args, **kwargs)

    # What a jitted function has besides, as `lower`.
    for name in dir(function):
        if not name.startswith("_") and not hasattr(called, name):
            setattr(called, name, getattr(function, name))
    return called


@contextmanager
def _reported(function: Any) -> Generator[None, None, None]:
    """Record a block and print its report; inside of another recording it is a part of that one."""
    from jitscope.inprocess import is_recording, record

    if is_recording() or _is_traced(function):
        yield
        return
    session = record()
    try:
        with session:
            yield
    finally:
        session.print()


def _is_traced(function: Any) -> bool:
    """Return whether JAX calls a function to trace or to transform it, and warn if so."""
    if "jax" not in sys.modules:
        return False
    from jitscope._jax_calls import is_transforming

    if not is_transforming():
        return False
    inner = inspect.unwrap(function)
    name = getattr(inner, "__qualname__", repr(inner))
    message = (
        f"{name} is not recorded where JAX traces or transforms it, as it does not run by itself "
        "there; put `@jitscope.profile` above `@jax.jit`, or on the function that calls it."
    )
    code = getattr(inner, "__code__", None)
    if code is None:
        warnings.warn(message, stacklevel=2)
    else:
        # Where it is written: what calls it is JAX. Once, as `warnings.warn` would.
        seen = inner.__globals__.setdefault("__warningregistry__", {})
        place = (code.co_filename, code.co_firstlineno)
        warnings.warn_explicit(message, UserWarning, *place, registry=seen)
    return True
