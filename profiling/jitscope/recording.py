"""What was recorded of one program, as data: the contract between recorders and reports.

A `Recording` holds what each pass found. A pass that did not run, or failed, is None, and so is
whatever a pass could not measure; `failures` says why. Durations are integer nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jitscope.conversions import ConversionSite
from jitscope.counters import Counters
from jitscope.environment import Environment
from jitscope.lines import LineTime
from jitscope.overhead import Overhead
from jitscope.recorded import (
    MOST_SPANS as MOST_SPANS,
)
from jitscope.recorded import (
    Cause as Cause,
)
from jitscope.recorded import (
    CompileRequest as CompileRequest,
)
from jitscope.recorded import (
    DevicePass as DevicePass,
)
from jitscope.recorded import (
    FunctionPhases as FunctionPhases,
)
from jitscope.recorded import (
    OpTime as OpTime,
)
from jitscope.recorded import (
    Outcome as Outcome,
)
from jitscope.recorded import (
    PhasesPass as PhasesPass,
)
from jitscope.recorded import (
    ScopeTime as ScopeTime,
)
from jitscope.recorded import (
    Span as Span,
)
from jitscope.recorded import (
    ThreadTime as ThreadTime,
)

SCHEMA_VERSION = 1
PASSES = ("phases", "conversions", "lines", "device", "cprofile", "counters")
"""In the order in which they run. Each needs a process of its own."""


@dataclass(frozen=True)
class Recording:
    """All passes over one program.

    Attributes
    ----------
    schema_version : int
    created_utc : str
        ISO 8601.
    environment : Environment
    overhead : Overhead or None
        What the recorders cost on this machine; None where it was not calibrated.
    command : tuple of str
        What was run, as in ``("script.py", "--fast")``; empty of a ``with`` block.
    phases : tuple of PhasesPass
        One for each run of that pass.
    conversions : tuple of ConversionSite or None
    lines : tuple of LineTime or None
    device : DevicePass or None
    counters : Counters or None
    cprofile : str or None
        Path of the dump.
    lprof : str or None
        Path of line_profiler's own file.
    exception : str or None
        How the program ended, if not by returning, as "ValueError: no data" or
        "KeyboardInterrupt".
    failures : mapping of str to str
        Reason of each pass that gave nothing.
    """

    schema_version: int
    created_utc: str
    environment: Environment
    overhead: Overhead | None
    command: tuple[str, ...]
    phases: tuple[PhasesPass, ...] = ()
    conversions: tuple[ConversionSite, ...] | None = None
    lines: tuple[LineTime, ...] | None = None
    device: DevicePass | None = None
    counters: Counters | None = None
    cprofile: str | None = None
    lprof: str | None = None
    exception: str | None = None
    failures: Mapping[str, str] = field(default_factory=dict[str, str])
