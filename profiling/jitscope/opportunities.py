"""What removing a cost could bring at most, from the shares that were measured.

If a part takes the share s of the wall time, no change to this part makes the whole more than
1 / (1 - s) times as fast (Amdahl 1967). That is a bound, not a promise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jitscope.figures import Interval, median_of
from jitscope.recording import Cause, PhasesPass, Recording

_COSTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "compile": (
        ("trace", "lower", "compile"),
        "fewer or smaller programs, or a persistent cache",
    ),
    "load compiled programs": (("cache_load",), "fewer or smaller programs"),
    "import, start the backend": (("import", "backend"), "import less, or later"),
    "hand arguments to the device": (("to_device",), "keep data on the device"),
    "copy results to the host": (("to_host",), "fetch once, and only what is used"),
    "dispatch": (("dispatch",), "fewer and larger jitted calls; short programs run within it"),
    "run on the device": (("device_wait",), "faster programs; overlap with the host"),
    "Python": (("host",), "move loops into a jitted program"),
}

_AVOIDABLE: Mapping[Cause, str] = {
    "new shape": "pad to a few lengths, or batch",
    "new dtype": "convert to one dtype before the call",
    "new number of arguments": "the same structure of arguments every time",
    "new static argument": "pass what changes as an ordinary argument",
    "new function object": "define and jit the function once, outside the loop",
    "new settings": "set JAX's options once, before the first call",
}
"""Causes of a compilation that the program itself could avoid; a first call is none."""


@dataclass(frozen=True)
class Opportunity:
    """One cost, and what the whole would gain without it.

    Attributes
    ----------
    cost : str
        In words.
    how : str
        The usual way.
    share : Interval
        Of the wall time, 0 to 1: the median over runs, with its 99% interval where there were
        enough of them.
    """

    cost: str
    how: str
    share: Interval

    @property
    def most(self) -> float:
        """The largest possible speedup; infinite if there is nothing else."""
        return _speedup(self.share.value)

    @property
    def most_interval(self) -> tuple[float, float] | None:
        """The ends of the interval of `most`; None where too few runs leave it open."""
        if self.share.lo is None or self.share.hi is None:
            return None
        return _speedup(self.share.lo), _speedup(self.share.hi)


def _speedup(share: float) -> float:
    return float("inf") if share >= 1 else 1 / (1 - share)


def opportunities(recording: Recording) -> tuple[Opportunity, ...]:
    """Return what could be gained, the largest first; empty without a phases pass.

    Costs that were not measured, or not seen, are left out.

    Parameters
    ----------
    recording : Recording
    """
    runs = [run for run in recording.phases if run.wall_ns > 0]
    if not runs:
        return ()
    found = [
        _opportunity(cost, how, runs, _of_phases(phases)) for cost, (phases, how) in _COSTS.items()
    ]
    found += [
        _opportunity(f"compile {name}", "a smaller program", runs, _of_function(name))
        for name in dict.fromkeys(one.name for run in runs for one in run.functions)
    ]
    found += [
        _opportunity(f"compile again: {cause}", how, runs, _of_cause(cause))
        for cause, how in _AVOIDABLE.items()
    ]
    kept = [one for one in found if one is not None]
    return tuple(sorted(kept, key=lambda one: -one.share.value))


Part = Callable[[PhasesPass], int | None]
_COMPILING = ("trace", "lower", "compile")


def _opportunity(cost: str, how: str, runs: Sequence[PhasesPass], part: Part) -> Opportunity | None:
    shares: list[float] = []
    for run in runs:
        part_ns = part(run)
        if part_ns is None:
            return None
        shares.append(part_ns / run.wall_ns)
    share = median_of(shares)
    return Opportunity(cost, how, share) if share is not None and share.value > 0 else None


def _of_phases(phases: Sequence[str]) -> Part:
    def part(run: PhasesPass) -> int | None:
        known = [own_ns for phase in phases if (own_ns := run.phases_ns.get(phase)) is not None]
        return sum(known) if known else None

    return part


def _of_function(name: str) -> Part:
    def part(run: PhasesPass) -> int | None:
        return sum(
            one.phases_ns.get(phase, 0)
            for one in run.functions
            if one.name == name
            for phase in _COMPILING
        )

    return part


def _of_cause(cause: Cause) -> Part:
    def part(run: PhasesPass) -> int | None:
        times_ns = [one.compile_ns for one in run.requests if one.cause == cause]
        known = [ns for ns in times_ns if ns is not None]
        return sum(known) if len(known) == len(times_ns) else None

    return part
