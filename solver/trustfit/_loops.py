"""All that differs between host and program in the small part of a step: loops and choices."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any, TypeVar

import jax
import numpy as np

from trustfit._values import is_value, unwrap

T = TypeVar("T")


def while_loop(
    xp: ModuleType, condition: Callable[[T], Any], body: Callable[[T], T], state: T
) -> T:
    """Return the state after `body` was applied as long as `condition` holds.

    On the host it is Python's loop; inside a program, `jax.lax.while_loop`, whose state must keep
    its shapes and dtypes.
    """
    if xp is np:
        while condition(state):
            state = body(state)
        return state
    return jax.lax.while_loop(lambda state: unwrap(condition(state)), body, state)


def choose(xp: ModuleType, condition: Any, new: T, old: T) -> T:
    """Return `new` where the condition, one truth value, holds, else `old`; for whole trees.

    On the host nothing is copied, and the trees may hold anything.
    """
    if xp is np:
        return new if condition else old
    return jax.tree.map(lambda a, b: xp.where(condition, a, b), new, old, is_leaf=is_value)


def branch(xp: ModuleType, condition: Any, yes: Callable[[], T], no: Callable[[], T]) -> T:
    """Return what one of two functions returns, trees of the same shapes and dtypes.

    What the condition makes superfluous is not computed; and in a program the compiler does not
    weave the function's operations into those around it, which would repeat many of them.
    """
    if xp is np:
        return yes() if condition else no()
    return jax.lax.cond(unwrap(condition), yes, no)


def stage(xp: ModuleType, name: str) -> AbstractContextManager[Any]:
    """Give the operations inside a program the name of a stage of the solve; nothing on the host.

    On the host a profiler wraps the stage's functions instead: `trustfit._stepped.STAGES`.
    """
    return nullcontext() if xp is np else jax.named_scope(name)
