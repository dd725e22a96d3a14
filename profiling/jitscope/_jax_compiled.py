"""The part of JAX's private interfaces that tells what was compiled; see `_jax_private`."""

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax

from jitscope._jax_members import attribute, member, module
from jitscope._jax_private import Hook, replaced

_compiler, _pxla = module("compiler"), module("interpreters.pxla")
_subjaxprs = member(module("core"), "subjaxprs")

_HLO_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?[\w.-]+ = ", re.MULTILINE)


class Compiled(NamedTuple):
    """Deterministic facts about one module that was compiled or loaded.

    Attributes
    ----------
    jaxpr_equations : int or None
        Equations of its jaxpr, those of nested jaxprs included; None if it was lowered before
        the hook was in place.
    hlo_instructions : int or None
        Instructions of the optimised module, all computations together; None if the backend
        does not show it.
    temp_bytes, peak_bytes : int or None
        Temporary memory of one execution, and all at its peak; None if the backend does not tell.
    hlo_protos : tuple of bytes or None
        The optimised modules, serialised; None if the backend does not show them.
    costs : mapping or None
        What XLA's analysis says of one execution, each loop's body counted once; None if it says
        nothing.
    """

    jaxpr_equations: int | None
    hlo_instructions: int | None
    temp_bytes: int | None
    peak_bytes: int | None
    hlo_protos: tuple[bytes, ...] | None
    costs: Mapping[str, float] | None


@contextmanager
def compilations(report: Callable[[Compiled], None]) -> Hook:
    """Call ``report(compiled)`` for each module, before its compile step ends."""
    lower = member(_pxla, "lower_sharding_computation")
    compile_or_load = member(_compiler, "compile_or_get_cached")
    thread = threading.get_ident()
    equations: list[tuple[Any, int]] = []

    def lowered(jaxpr: Any, *args: Any, **kwargs: Any) -> Any:
        lowering = lower(jaxpr, *args, **kwargs)
        if threading.get_ident() == thread:
            equations.append((attribute(lowering, "stablehlo")(), _count_equations(jaxpr)))
        return lowering

    def compiled(backend: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
        executable = compile_or_load(backend, module, *args, **kwargs)
        if threading.get_ident() == thread:
            known = next((count for hlo, count in equations if hlo is module), None)
            report(_describe(known, executable))
        return executable

    with (
        replaced(_pxla, "lower_sharding_computation", lowered),
        replaced(_compiler, "compile_or_get_cached", compiled),
    ):
        yield


def _count_equations(jaxpr: Any) -> int:
    # JAX 0.10 closes over constants in a class of its own; 0.12 does not.
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    return len(attribute(jaxpr, "eqns")) + sum(map(_count_equations, _subjaxprs(jaxpr)))


def _describe(jaxpr_equations: int | None, executable: Any) -> Compiled:
    modules = _told(executable, "hlo_modules")
    memory = _told(executable, "get_compiled_memory_stats")
    texts = None if modules is None else [module.to_string() for module in modules]
    return Compiled(
        jaxpr_equations,
        None if texts is None else sum(len(_HLO_INSTRUCTION.findall(text)) for text in texts),
        None if memory is None else memory.temp_size_in_bytes,
        # A backend that does not track the peak says 0; arguments alone are more.
        None if memory is None else memory.peak_memory_in_bytes or None,
        None
        if modules is None
        else tuple(module.as_serialized_hlo_module_proto() for module in modules),
        _told(executable, "cost_analysis"),
    )


def _told(executable: Any, name: str) -> Any:
    ask = attribute(executable, name)
    try:
        return ask()
    except jax.errors.JaxRuntimeError:
        return None
