"""Threads that run programs side by side, which Python's lock does not hold up."""

import contextlib
import os
from collections.abc import Generator

import jax


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def settings() -> Generator[None]:
    """Compute in float64, by NumPy's rules, in this thread and this block only."""
    with (
        jax.enable_x64(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield
