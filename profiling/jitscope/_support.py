"""Which JAX the recorders are known to measure; imports none of it."""

from importlib.metadata import version

SUPPORTED_JAX = ">=0.10,<0.13"


def unsupported(what: str) -> RuntimeError:
    """Return the error that says that the installed JAX cannot be measured, and why."""
    return RuntimeError(f"unsupported JAX {version('jax')}: {what}; use jax{SUPPORTED_JAX}.")
