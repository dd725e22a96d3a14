"""`@jitscope.profile`, and whether this process runs under `jitscope run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction, isgeneratorfunction
from typing import Any

_FOLLOW = "_jitscope_follow"


def enter_run(follow: Callable[[Any], None] | None) -> None:
    """Say that `jitscope run` records this process; `follow` is None but in the lines pass."""
    # On `sys`, as the marks of a program are told apart by process, not by module.
    setattr(sys, _FOLLOW, (os.getpid(), follow))


def profile(function: Any) -> Any:
    """Record each outermost call of a function, and print where its time went.

    Under `jitscope run` it only marks what the lines pass follows. Of a coroutine function the
    whole awaiting is timed; of a generator function all from the first item to the end, with what
    its consumer does in between.
    """
    under_run = getattr(sys, _FOLLOW, None)
    if under_run is not None:
        if under_run[1] is not None:
            under_run[1](function)
        return function
    from jitscope.inprocess import record

    depth = [0]

    if iscoroutinefunction(function):

        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            if depth[0]:
                return await function(*args, **kwargs)
            depth[0] = 1
            session = record()
            try:
                with session:
                    return await function(*args, **kwargs)
            finally:
                depth[0] = 0
                session.print()

        return awaited

    if isgeneratorfunction(function):

        @wraps(function)
        def generated(*args: Any, **kwargs: Any) -> Any:
            if depth[0]:
                return (yield from function(*args, **kwargs))
            depth[0] = 1
            session = record()
            try:
                with session:
                    return (yield from function(*args, **kwargs))
            finally:
                depth[0] = 0
                session.print()

        return generated

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if depth[0]:
            return function(*args, **kwargs)
        depth[0] = 1
        session = record()
        try:
            with session:
                return function(*args, **kwargs)
        finally:
            depth[0] = 0
            session.print()

    return called
