"""What single passes found, as data; `jitscope.recording` puts them together.

Importing it imports the standard library alone. Durations are integer nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["cold", "disk hit", "memory hit"]
"""How a request for a compiled program was met: compiled, loaded from the cache on disk, or found
in memory."""
Cause = Literal[
    "first call",
    "new shape",
    "new dtype",
    "new number of arguments",
    "new static argument",
    "new function object",
    "new settings",
    "other",
]


@dataclass(frozen=True)
class FunctionPhases:
    """What one jitted function took, or an operation outside jit.

    Attributes
    ----------
    name : str
        As JAX calls it, in the form ``jit(f)``.
    calls : int
        Executions.
    phases_ns : mapping of str to int
        Exclusive time by phase (`jitscope.phases.PHASES`); those of all functions, and the phases'
        time outside any, add up to the phases of the recording.
    """

    name: str
    calls: int
    phases_ns: Mapping[str, int]


@dataclass(frozen=True)
class CompileRequest:
    """A request for a compiled program, from one line, with one outcome and cause.

    Attributes
    ----------
    function : str
        In the form ``jit(f)``.
    file, line : str or None, int or None
        The nearest frame outside JAX and jitscope.
    outcome : {"cold", "disk hit", "memory hit"}
    count : int
        Requests like this one.
    cause : str or None
        Why it could not be met from memory; None of a memory hit.
    changed : str or None
        What differs from the request before, as ``x: float64[100] -> float64[200]``.
    compile_ns : int or None
        Exclusive time of tracing, lowering and compiling, or loading, of all of them; None where
        it is not known, and of memory hits.
    """

    function: str
    file: str | None
    line: int | None
    outcome: Outcome
    count: int
    cause: Cause | None
    changed: str | None
    compile_ns: int | None = None


@dataclass(frozen=True)
class ThreadTime:
    """JAX's work in a thread other than the caller's: beside the wall time, never part of it."""

    name: str
    phases_ns: Mapping[str, int]


@dataclass(frozen=True)
class Span:
    """A stretch of one phase in the caller's thread, for timelines; nested ones are cut out.

    Attributes
    ----------
    start_ns, end_ns : int
        From the start of the recording.
    phase : str
    function : str
        In the form ``jit(f)``; "" where no function is known.
    """

    start_ns: int
    end_ns: int
    phase: str
    function: str


@dataclass(frozen=True)
class PhasesPass:
    """One run, split into phases.

    Attributes
    ----------
    wall_ns : int
        Observed wall time; the phases add up to it exactly.
    unobserved_wall_ns : int or None
        The same without hooks, in a process of its own; None where it was not measured.
    phases_ns : mapping of str to int or None
        Exclusive time of each of `jitscope.phases.PHASES`; None: not measured.
    functions : tuple of FunctionPhases
    requests : tuple of CompileRequest
    threads : tuple of ThreadTime
    spans : tuple of Span
        In order of time; the longest `MOST_SPANS` of them.
    spans_dropped : int
        How many shorter ones there were besides.
    """

    wall_ns: int
    unobserved_wall_ns: int | None
    phases_ns: Mapping[str, int | None]
    functions: tuple[FunctionPhases, ...] = ()
    requests: tuple[CompileRequest, ...] = ()
    threads: tuple[ThreadTime, ...] = ()
    spans: tuple[Span, ...] = ()
    spans_dropped: int = 0


MOST_SPANS = 20_000
"""Spans kept of one run."""


@dataclass(frozen=True)
class ScopeTime:
    """Time of the device inside one scope of one compiled module.

    Attributes
    ----------
    module : str
        Name of the compiled module, as ``jit_f``.
    scope : str
        Path of `jax.named_scope`, innermost last, as ``solve/step``; "(unscoped)" for operations
        in none; "(mixed)" for kernels that XLA fused from several scopes; "(unknown)" if the
        module's text is gone.
    time_ns : int
        Share of the wall time: operations that run at the same time share it.
    count : int
        Executions of operations.
    """

    module: str
    scope: str
    time_ns: int
    count: int


@dataclass(frozen=True)
class OpTime:
    """Time of one operation of a compiled module.

    Attributes
    ----------
    module, op : str
        As ``jit_f`` and ``fusion.3``; the second module of one name is ``jit_f (2)``.
    kind : str
        HLO opcode, as ``fusion``; "unknown" if the module's text is gone.
    scopes : tuple of str
        Scopes of what is in it, "(unscoped)" among them; more than one is mixed, none unknown.
    time_ns, count : int
        As of `ScopeTime`.
    """

    module: str
    op: str
    kind: str
    scopes: tuple[str, ...]
    time_ns: int
    count: int


@dataclass(frozen=True)
class DevicePass:
    """Time inside compiled programs.

    Attributes
    ----------
    wall_ns : int
        Of the profiled run.
    busy_ns : int
        Time during which at least one operation ran: what scopes and operations add up to.
    scopes : tuple of ScopeTime
    ops : tuple of OpTime
        Costliest first.
    host_to_device : int or None
        Arrays and scalars put on a device, as the profiler counts them; None: not counted.
    maybe_stale : tuple of str
        Modules from before the recording that may come from JAX's persistent cache: their
        scopes are those of whoever wrote the cache.
    """

    wall_ns: int
    busy_ns: int
    scopes: tuple[ScopeTime, ...]
    ops: tuple[OpTime, ...]
    host_to_device: int | None = None
    maybe_stale: tuple[str, ...] = ()
