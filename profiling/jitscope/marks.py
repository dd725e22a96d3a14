"""`@jitscope.profile`, and whether this process runs under `jitscope run`."""

from __future__ import annotations

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
    its consumer does in between.
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
            with _reported():
                return await function(*args, **kwargs)

        return awaited

    if isgeneratorfunction(function):

        @wraps(function)
        def generated(*args: Any, **kwargs: Any) -> Any:
            with _reported():
                return (yield from function(*args, **kwargs))

        return generated

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with _reported():
            return function(*args, **kwargs)

    return called


@contextmanager
def _reported() -> Generator[None, None, None]:
    """Record a block and print its report; inside of another recording it is a part of that one."""
    from jitscope.inprocess import is_recording, record

    if is_recording():
        yield
        return
    session = record()
    try:
        with session:
            yield
    finally:
        session.print()
