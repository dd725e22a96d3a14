"""What a variation of a function is, and how the modules of them keep theirs in tables.

Each variation yields a function, then the one that a later call would be given: another one, or
the same one after something that it reads has changed.
"""

from collections.abc import Callable, Generator
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp

Function = Callable[[Any], Any]
Steps = Generator[Any, None, None]
Seen = Literal["same", "other", "opaque"]


class Variation(NamedTuple):
    name: str
    steps: Callable[[], Steps]
    seen: Seen
    programs: int


def register(
    table: list[Variation], seen: Seen, programs: int = 1
) -> Callable[[Callable[[], Steps]], Callable[[], Steps]]:
    """Add to a table: what the fingerprint says of the second function, and how many programs.

    "same" includes that the arrays are unchanged.
    """

    def add(steps: Callable[[], Steps]) -> Callable[[], Steps]:
        table.append(Variation(steps.__name__, steps, seen, programs))
        return steps

    return add


def with_constant(c: Any) -> Function:
    return lambda x: jnp.exp(-x) * c + 3.25
