"""Where the time of JAX code goes: phases, conversions, lines and their history."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jitscope.inprocess import record as record
    from jitscope.marks import profile as profile

__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """Add ``%%jitscope`` to IPython: what ``%load_ext jitscope`` calls."""
    from jitscope.magic import load

    load(shell)


def __getattr__(name: str) -> Any:
    # Late, so that importing jitscope imports neither JAX nor NumPy.
    if name == "record":
        from jitscope.inprocess import record

        return record
    if name == "profile":
        from jitscope.marks import profile

        return profile
    raise AttributeError(f"module 'jitscope' has no attribute {name!r}")
