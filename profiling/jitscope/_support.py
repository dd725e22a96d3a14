"""Which JAX the recorders are known to measure; imports none of it."""

from importlib.metadata import version

SUPPORTED_JAX = ">=0.10,<0.13"
UNSUPPORTED = "unsupported JAX "
"""What every such error begins with."""


def unsupported(what: str) -> RuntimeError:
    """Return the error that says that the installed JAX cannot be measured, and why."""
    return RuntimeError(f"{UNSUPPORTED}{version('jax')}: {what}; use jax{SUPPORTED_JAX}.")
