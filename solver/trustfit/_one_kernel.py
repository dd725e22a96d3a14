"""A part of a program that XLA compiles as one kernel for the processor.

XLA for CPUs makes a kernel of every fused operation, and runs a program of many kernels on its
threads: each kernel costs a first call, and the hop to a thread every one. For a function of small
arrays that is most of its cost. As one kernel it is compiled sooner, and may be called where the
caller is.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax

# The trip counts of a solve's loops depend on data: there is nothing to find, and searching costs.
_PASSES = "simplify-while-loops,while-loop-invariant-code-motion,while-loop-trip-count-annotator"

COMPILER_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {"xla_disable_hlo_passes": _PASSES, "xla_backend_optimization_level": 1}
)
"""By which programs with such parts are compiled, sooner than by default."""

UNFUSED: Mapping[str, Any] = MappingProxyType(
    {"xla_disable_hlo_passes": f"fusion,cpu-instruction-fusion,{_PASSES}"}
)
"""For long chains of operations, which take XLA minutes to fuse."""


def one_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of trees of arrays that becomes one kernel of the program that calls it.

    It must hold nothing but elementwise operations and loops over arrays of some dozens of
    elements at most, or over slices of larger ones. XLA runs it on one thread.
    """

    def inside(*args: Any) -> Any:
        from jax.experimental.xla_metadata import set_xla_metadata  # by what compiles alone

        # The mark belongs to the call alone: on each operation it would keep them from fusing.
        with set_xla_metadata(xla_cpu_small_call=None, inlineable=None):
            return function(*args)

    jitted = jax.jit(inside)

    def marked(*args: Any) -> Any:
        from jax.experimental.xla_metadata import set_xla_metadata

        with set_xla_metadata(xla_cpu_small_call="true", inlineable="false"):
            return jitted(*args)

    return marked
