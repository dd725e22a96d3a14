"""The start of JAX's backends; private interface of JAX."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

from jitscope._jax_members import member, module
from jitscope._jax_private import Hook, replaced

_xla_bridge = module("xla_bridge")


@contextmanager
def backend_starts(run: Callable[[Callable[[], Any]], Any]) -> Hook:
    """Pass each start of a backend through `run`."""
    original = member(_xla_bridge, "_init_backend")

    def start(*args: Any) -> Any:
        return run(partial(original, *args))

    with replaced(_xla_bridge, "_init_backend", start):
        yield
