"""What the programs of a fit are made of: rows of device time and of counters, by problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jitscope.report.recording_view import counter_rows
from jitscope.session import ProblemProfile


@dataclass(frozen=True)
class ScopeRow:
    """One scope of one compiled module, in one warm fit.

    Attributes
    ----------
    problem, module, scope : str
    ms : float
    share_percent : float
        Of the time during which the device was busy.
    count : int
        Executions of operations.
    """

    problem: str
    module: str
    scope: str
    ms: float
    share_percent: float
    count: int


def scope_rows(profiles: Sequence[ProblemProfile], most: int) -> list[ScopeRow]:
    """List the costliest scopes of each problem; none of one whose device was not profiled."""
    return [
        ScopeRow(
            profile.problem,
            one.module,
            one.scope,
            one.time_ns / 1e6,
            100 * one.time_ns / profile.device.busy_ns if profile.device.busy_ns else 0.0,
            one.count,
        )
        for profile in profiles
        if profile.device is not None
        for one in profile.device.scopes[:most]
    ]


def counter_columns(
    profiles: Sequence[ProblemProfile],
) -> dict[str, Mapping[str, int | float | None]]:
    """Return the counters of each problem that has some, by name of the problem."""
    return {
        profile.problem: counter_rows(profile.counters)
        for profile in profiles
        if profile.counters is not None
    }
