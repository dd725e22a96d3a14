"""An immutable record of one profiling run, kept as JSON.

Recording knows nothing of rendering: `jitscope.profiler` makes a `Session`, `jitscope.report`
shows one. The file is data with a version; a file of a newer version is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jitscope import _json_files
from jitscope.conversions import ConversionSite
from jitscope.counters import Counters
from jitscope.environment import Environment
from jitscope.growth import Growth
from jitscope.lines import LineTime
from jitscope.overhead import Overhead
from jitscope.recorded import DevicePass

SCHEMA_VERSION = 4
READABLE_VERSIONS = (1, 2, 3, 4)
"""Version 1 knew no stepped driver, 2 no growth, 3 neither device nor counters: their fields are at
their defaults when it is read."""
Driver = Literal["own", "stepped"]
"""The user's own call, or one through the solver's stepped driver."""


@dataclass(frozen=True)
class CallPhases:
    """One call of a solver, split into phases.

    Attributes
    ----------
    wall_ns : int
        Wall time from the first span to the end of the call, hooks included.
    unobserved_wall_ns : int or None
        Wall time of the same call without hooks; None where it was not measured.
    phases_ns : mapping of str to int or None
        Exclusive time of each phase; they sum to `wall_ns`. None: not part of this call.
    by_stage_ns : mapping of str to mapping of str to int
        The same time by solver stage, then phase; the stage "" is outside of every stage.
    calls : mapping of str to int
        How often phases, stages and stage functions were entered.
    modules : int
        XLA modules compiled or loaded from the cache.
    """

    wall_ns: int
    unobserved_wall_ns: int | None
    phases_ns: Mapping[str, int | None]
    by_stage_ns: Mapping[str, Mapping[str, int]]
    calls: Mapping[str, int]
    modules: int


@dataclass(frozen=True)
class ProblemProfile:
    """Everything recorded about one solver on one problem, each pass in its own process.

    Attributes
    ----------
    problem, size, solver : str
    first_call, warm_call : CallPhases or None
        None if the pass failed; `failures` says why.
        Of the user's own call, as every field that does not say otherwise.
    outer_iterations, inner_iterations : int or None
        Of one fit through `split_driver`; None for a solver whose stages are unknown.
    conversions : tuple of ConversionSite or None
        Of one warm fit.
    lines : tuple of LineTime or None
        Of the solver's Python driver in one warm fit through `split_driver`.
    cprofile : mapping of str to str
        Dumps for snakeviz relative to the repository, by call ("first", "warm").
    failures : mapping of str to str
        Reason of each pass that failed, by pass.
    split_driver : {"own", "stepped"}
        The call that is split into stages, iterations and lines. "stepped" where no stage of the
        user's own call can be timed from outside, because it is one compiled loop (fused).
    stepped_call : CallPhases or None
        The warm call through the stepped driver; None if there is no such driver, or its pass
        failed.
    stepped_conversions : tuple of ConversionSite or None
        Those of a warm fit through the stepped driver.
    device : DevicePass or None
        Time inside the compiled programs of one warm fit; None if the pass failed, or in sessions
        from before there was one.
    counters : Counters or None
        What the first fit traced and compiled; None likewise.
    """

    problem: str
    size: str
    solver: str
    first_call: CallPhases | None
    warm_call: CallPhases | None
    outer_iterations: int | None
    inner_iterations: int | None
    conversions: tuple[ConversionSite, ...] | None
    lines: tuple[LineTime, ...] | None
    cprofile: Mapping[str, str]
    failures: Mapping[str, str]
    split_driver: Driver = "own"
    stepped_call: CallPhases | None = None
    stepped_conversions: tuple[ConversionSite, ...] | None = None
    device: DevicePass | None = None
    counters: Counters | None = None

    @property
    def split_call(self) -> CallPhases | None:
        """The warm call that is split into stages."""
        return self.stepped_call if self.split_driver == "stepped" else self.warm_call

    @property
    def split_conversions(self) -> tuple[ConversionSite, ...] | None:
        """The conversions of that call."""
        stepped = self.split_driver == "stepped"
        return self.stepped_conversions if stepped else self.conversions


@dataclass(frozen=True)
class Session:
    """One run of `make profile`.

    Attributes
    ----------
    schema_version : int
    created_utc : str
        ISO 8601.
    environment : Environment
    overhead : Overhead
        What one hook of the recorders cost on this machine, measured in this run.
    problems : tuple of ProblemProfile
    growth : tuple of Growth
        The same fit at growing length, each length in a process of its own; without those that
        failed.
    growth_failures : mapping of str to str
        Reason of each length that failed, by problem.
    """

    schema_version: int
    created_utc: str
    environment: Environment
    overhead: Overhead
    problems: tuple[ProblemProfile, ...]
    growth: tuple[Growth, ...] = ()
    growth_failures: Mapping[str, str] = field(default_factory=dict[str, str])


KIND = _json_files.Kind("a session", READABLE_VERSIONS, "run `make profile` again")


def save_session(session: Session, path: Path) -> None:
    """Write a session as JSON, whole or not at all.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    _json_files.write(session, path)


def load_session(path: Path) -> Session:
    """Read a session.

    Raises
    ------
    UserError
        If the file is missing, truncated, of a newer version or no session at all.
    """
    return session_of(_json_files.read(path, KIND.again), path)


def session_of(data: Any, path: Path) -> Session:
    """Return the session that a file held.

    Raises
    ------
    UserError
        It is of another version, or no session.
    """
    return _json_files.structured(data, Session, path, KIND)
