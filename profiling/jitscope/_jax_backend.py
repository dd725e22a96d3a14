"""The start of JAX's backends; private interface of JAX."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

from jax._src import xla_bridge

from jitscope._jax_private import Hook, replaced
from jitscope._support import unsupported


@contextmanager
def backend_starts(run: Callable[[Callable[[], Any]], Any]) -> Hook:
    """Pass each start of a backend through `run`."""
    original = vars(xla_bridge).get("_init_backend")
    if original is None:
        raise unsupported("`xla_bridge._init_backend` does not exist")

    def start(*args: Any) -> Any:
        return run(partial(original, *args))

    with replaced(xla_bridge, "_init_backend", start):
        yield
