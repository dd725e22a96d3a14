"""What JAX would run on, asked without starting it: that takes a first call milliseconds."""

import sys
from importlib.util import find_spec
from typing import Any

import jax


def backend_started() -> bool:
    """Return whether JAX has started a backend in this process; True where that cannot be told."""
    bridge: Any = sys.modules.get("jax._src.xla_bridge")
    return bool(getattr(bridge, "_backends", True))


def runs_on_cpu() -> bool:
    """Return whether programs run on the processor: no accelerator takes them by default."""
    platforms: str | None = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
    if not backend_started():
        if platforms:
            return platforms.split(",")[0] == "cpu"
        if find_spec("jax_plugins") is None and find_spec("libtpu") is None:
            return True
    return jax.default_backend() == "cpu"
