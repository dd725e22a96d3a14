"""Compare two recordings: phase by phase, counter by counter, line by line.

Times get a verdict from the interval of the ratio of their medians; counters are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from jitscope.compare_lines import LineChange, changed_lines, has_requests
from jitscope.environment import Environment
from jitscope.figures import MIN_SAMPLES, Interval, median_of, ratio_of
from jitscope.phases import PHASES
from jitscope.recording import PhasesPass, Recording

NOISE = 0.02
"""A ratio whose interval lies within this of 1 is no change."""
SMALL_SHARE = 0.001
"""A phase below this share of both walls gets no other verdict than unchanged."""
UNHOOKED = "wall without hooks"

Verdict = Literal["improved", "regressed", "unchanged", "insufficient", "not comparable"]


@dataclass(frozen=True)
class TimeRow:
    """The wall time, or one phase.

    Attributes
    ----------
    name : str
        "wall", "wall without hooks", or the phase.
    base_ns, head_ns : Interval or None
        Medians; None: not measured.
    ratio : Interval or None
        Head over base; None where a side has none, or base's median is 0.
    verdict : str
    why : str
        What the verdict needs said beside it; often empty.
    """

    name: str
    base_ns: Interval | None
    head_ns: Interval | None
    ratio: Interval | None
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class CounterRow:
    """One counter; None: unknown."""

    name: str
    base: float | None
    head: float | None
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """What differs between two recordings.

    Attributes
    ----------
    times : tuple of TimeRow
    counters : tuple of CounterRow
    lines : tuple of LineChange
        Costliest first.
    notes : tuple of str
        Sentences on what could not be compared, or may mislead.
    """

    times: tuple[TimeRow, ...]
    counters: tuple[CounterRow, ...]
    lines: tuple[LineChange, ...]
    notes: tuple[str, ...]

    @property
    def counter_regressed(self) -> bool:
        """Whether any counter went up."""
        return any(row.verdict == "regressed" for row in self.counters)


def compare(a: Recording, b: Recording, *, mend: str = "`jitscope run --runs 7`") -> Comparison:
    """Compare two recordings, `a` being the base.

    Parameters
    ----------
    a, b : Recording
    mend : str, optional
        What gives more runs, where there are too few for a verdict.

    Returns
    -------
    Comparison
    """
    differing = differing_environments(a.environment, b.environment)
    other_jax = _other_jax(differing)
    return Comparison(
        _times(a.phases, b.phases, differing, mend),
        _counters(a, b, other_jax),
        changed_lines(a, b),
        _notes(a, b),
    )


def differing_environments(a: Environment, b: Environment) -> dict[str, tuple[str, str]]:
    """Return what keeps times from being compared, and what it was and is, by its name."""

    def described(one: Environment) -> dict[str, str]:
        packages = {"JAX": "jax", "jaxlib": "jaxlib", "NumPy": "numpy"}
        return {
            "processor": one.cpu,
            "number of cores": str(one.cores),
            "system": one.system,
            "Python": one.python,
            **{name: one.packages.get(key) or "none" for name, key in packages.items()},
        }

    found = described(b)
    return {name: (was, found[name]) for name, was in described(a).items() if was != found[name]}


def _other_jax(differing: Iterable[str]) -> list[str]:
    return [name for name in differing if name in ("JAX", "jaxlib")]


def notes_on_environments(a: Environment, b: Environment) -> tuple[str, ...]:
    """Say in a sentence what cannot be compared, if anything."""
    differing = differing_environments(a, b)
    if not differing:
        return ()
    what = ", ".join(f"{name} ({was}, then {now})" for name, (was, now) in differing.items())
    rest = "and neither can counters" if _other_jax(differing) else "while counters can"
    return (f"Another {what}: times cannot be compared, {rest}.",)


def _notes(a: Recording, b: Recording) -> tuple[str, ...]:
    notes = list(notes_on_environments(a.environment, b.environment))
    if a.command != b.command:
        notes.append(f"They ran different commands: {_command(a)}, then {_command(b)}.")
    for name, one in (("first", a), ("second", b)):
        if one.exception is not None:
            notes.append(f"The {name} ended with {one.exception}, so it may lack a part.")
        if one.conversions is None:
            notes.append(f"The {name} has no conversions: `jitscope run --passes ...,conversions`.")
        if one.counters is None:
            notes.append(f"The {name} has no counters: `jitscope run --passes ...,counters`.")
    return tuple(notes)


def _command(recording: Recording) -> str:
    return " ".join(recording.command) or "a block of a process"


Samples = tuple[list[float], str]
"""What the runs took, and why there is nothing if there is nothing."""


def _times(
    a: Sequence[PhasesPass],
    b: Sequence[PhasesPass],
    differing: dict[str, tuple[str, str]],
    mend: str,
) -> tuple[TimeRow, ...]:
    if not a and not b:
        return ()

    def row(name: str, part: Callable[[PhasesPass], int | None], *, distinct: bool = False):
        # More runs bring no more of those without hooks.
        more = "" if distinct else mend
        return time_row(name, _samples(a, part, distinct), _samples(b, part, distinct), more, walls)

    def of_phase(phase: str) -> Callable[[PhasesPass], int | None]:
        return lambda run: run.phases_ns.get(phase)

    walls = (median_of([run.wall_ns for run in a]), median_of([run.wall_ns for run in b]))
    rows = [row("wall", lambda run: run.wall_ns)]
    if any(run.unobserved_wall_ns is not None for run in (*a, *b)):
        # All runs of one recording may repeat one measurement: it is one sample, not seven.
        rows.append(row(UNHOOKED, lambda run: run.unobserved_wall_ns, distinct=True))
    rows += [row(phase, of_phase(phase)) for phase in PHASES]
    if differing:
        why = f"another {', '.join(differing)}"
        rows = [
            TimeRow(one.name, one.base_ns, one.head_ns, None, "not comparable", why) for one in rows
        ]
    return tuple(rows)


def _samples(
    runs: Sequence[PhasesPass], part: Callable[[PhasesPass], int | None], distinct: bool
) -> Samples:
    if not runs:
        return [], "no phases pass"
    found = [part(run) for run in runs]
    known = [float(ns) for ns in found if ns is not None]
    if len(known) < len(found) and not distinct:
        return [], "not measured"
    return list(dict.fromkeys(known)) if distinct else known, "not measured"


def time_row(
    name: str,
    base: Samples,
    head: Samples,
    mend: str,
    walls: tuple[Interval | None, Interval | None] = (None, None),
) -> TimeRow:
    """Judge what two sides took.

    Parameters
    ----------
    name : str
    base, head : tuple of (list of float, str)
        Nanoseconds, and why there are none if there are none.
    mend : str
        What gives more samples; may be empty.
    walls : tuple of two Interval or None
        What each side took as a whole, if this is a part of it.
    """
    (base_ns, base_why), (head_ns, head_why) = base, head
    medians = (median_of(base_ns), median_of(head_ns))
    if medians[0] is None or medians[1] is None:
        both = medians[0] is None and medians[1] is None and base_why == head_why
        sides = [
            f"{why} in the {side}"
            for side, found, why in (
                ("first", medians[0], base_why),
                ("second", medians[1], head_why),
            )
            if found is None
        ]
        why = base_why if both else ", ".join(sides)
        return TimeRow(name, *medians, None, "insufficient", why)
    ratio = ratio_of(head_ns, base_ns, paired=False) if min(base_ns) > 0 else None
    fewest = min(len(base_ns), len(head_ns))
    if fewest < MIN_SAMPLES:
        runs = "1 run" if fewest == 1 else f"{fewest} runs"
        why = f"{runs}: {mend}" if mend else runs
        return TimeRow(name, *medians, ratio, "insufficient", why)
    if all(_is_small(one, wall) for one, wall in zip(medians, walls, strict=True)):
        return TimeRow(name, *medians, ratio, "unchanged", f"below {SMALL_SHARE:.1%} of the wall")
    if ratio is None:
        verdict = _verdict_apart(medians[0], medians[1])
        return TimeRow(name, *medians, None, verdict, "no ratio to 0: intervals of the medians")
    return TimeRow(name, *medians, ratio, _verdict_of(ratio))


def _is_small(part: Interval | None, wall: Interval | None) -> bool:
    return part is not None and wall is not None and part.value < SMALL_SHARE * wall.value


def _verdict_of(ratio: Interval) -> Verdict:
    if ratio.lo is None or ratio.hi is None:
        return "insufficient"
    if ratio.lo <= 1 <= ratio.hi or (ratio.lo >= 1 - NOISE and ratio.hi <= 1 + NOISE):
        return "unchanged"
    return "improved" if ratio.hi < 1 else "regressed"


def _verdict_apart(base: Interval, head: Interval) -> Verdict:
    """Judge by whether the intervals of the medians overlap, which is stricter than a ratio."""
    if base.lo is None or base.hi is None or head.lo is None or head.hi is None:
        return "insufficient"
    if head.lo > base.hi:
        return "regressed"
    return "improved" if head.hi < base.lo else "unchanged"


Count = tuple[float | None, str]
"""A count, and why it is unknown."""


def _counters(a: Recording, b: Recording, other_jax: Sequence[str]) -> tuple[CounterRow, ...]:
    base, head = _counts(a), _counts(b)
    rows = [_counter_row(name, base[name], head[name]) for name in base]
    if other_jax:
        why = f"another {', '.join(other_jax)}"
        rows = [CounterRow(row.name, row.base, row.head, "not comparable", why) for row in rows]
    return tuple(rows)


def _counter_row(name: str, base: Count, head: Count) -> CounterRow:
    if base[0] is None or head[0] is None:
        if base == head:
            return CounterRow(name, None, None, "insufficient", base[1])
        sides = zip(("first", "second"), (base, head), strict=True)
        why = ", ".join(f"{why} in the {side}" for side, (count, why) in sides if count is None)
        return CounterRow(name, base[0], head[0], "insufficient", why)
    verdict: Verdict = "unchanged"
    if base[0] != head[0]:
        verdict = "improved" if head[0] < base[0] else "regressed"
    return CounterRow(name, base[0], head[0], verdict)


def _counts(recording: Recording) -> dict[str, Count]:
    counters, sites = recording.counters, recording.conversions
    names = {
        "modules compiled": "compiled",
        "traces": "traces",
        "jaxpr equations": "jaxpr_equations",
        "HLO instructions": "hlo_instructions",
        "fused kernels": "fused_kernels",
        "temporary bytes": "temp_bytes",
        "peak bytes, largest module": "peak_bytes",
        "flops, loop-free programs": "flops",
        "host syncs": "host_syncs",
    }
    counts: dict[str, Count] = {}
    for name, attribute in names.items():
        value = None if counters is None else getattr(counters, attribute)
        counts[name] = (value, "no counters pass" if counters is None else "not known")
    for direction in ("to_host", "to_device"):
        found = None if sites is None else [one for one in sites if one.direction == direction]
        words = direction.replace("_", " ")
        why = "no conversions pass"
        count = None if found is None else sum(one.count for one in found)
        size = None if found is None else sum(one.bytes for one in found)
        counts[f"conversions {words}"] = (count, why)
        counts[f"bytes converted {words}"] = (size, why)
    counts["compile requests that compiled"] = _cold_requests(recording.phases)
    return counts


def _cold_requests(runs: Sequence[PhasesPass]) -> Count:
    if not runs:
        return None, "no phases pass"
    if not all(has_requests(run) for run in runs):
        return None, "not recorded"
    found = {sum(one.count for one in run.requests if one.outcome == "cold") for run in runs}
    if len(found) > 1:
        return None, f"{min(found)} to {max(found)} by run"
    return found.pop(), ""
