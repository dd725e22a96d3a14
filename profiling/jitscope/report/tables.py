"""Tables of a session, as plain rows: the terminal and the page show the same ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jitscope.lines import AnnotatedLine, annotate
from jitscope.report.rendering import number
from jitscope.session import CallPhases, ProblemProfile

# Heading of a column -> the phases that it adds up.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "import": ("import",),
    "back end": ("backend",),
    "trace": ("trace",),
    "lower": ("lower",),
    "compile": ("compile", "cache_load"),
    "transfers": ("to_device", "to_host"),
    "dispatch": ("dispatch",),
    "device wait": ("device_wait",),
    "host": ("host",),
}
JIT_COLUMNS = ("trace", "lower", "compile")
CONVERSION_PHASES = ("to_device", "to_host")
EXECUTION_PHASES = ("dispatch", "device_wait")
COMPILED_SOLVE = "compiled solve"
"""The part of a fused call that executes: every stage of the solve, in one program."""
JIT_PHASES = ("trace", "lower", "compile", "cache_load")


@dataclass(frozen=True)
class FirstCallRow:
    """The first call of a solver in a fresh process.

    Attributes
    ----------
    problem, size : str
    total_ms : float
        Wall time from the start of the solver's import to the end of the call, under hooks.
    unobserved_ms : float or None
        The same in another process without hooks.
    share_percent : mapping of str to float or None
        Share of the total of each column; the ones that are not None add up to 100.0.
    jit_share_percent : float
        Trace, lower and compile as a share of the call alone, import and back end excluded.
    modules : int
        XLA modules compiled.
    """

    problem: str
    size: str
    total_ms: float
    unobserved_ms: float | None
    share_percent: Mapping[str, float | None]
    jit_share_percent: float
    modules: int


@dataclass(frozen=True)
class SolveRow:
    """One warm call, split by the stages of the solver.

    Attributes
    ----------
    problem : str
    driver : {"", "fused", "stepped"}
        "fused" is the user's own call of a solver whose stages show through its stepped driver
        alone; empty for a solver whose own call shows them.
    total_ms : float
        Wall time under the recorder's hooks.
    unobserved_ms : float or None
        The same call without hooks.
    outer_iterations, inner_iterations : int or None
    share_percent : mapping of str to float
        Share of each stage, of conversions and of the host; they add up to 100.0.
    """

    problem: str
    driver: Literal["", "fused", "stepped"]
    total_ms: float
    unobserved_ms: float | None
    outer_iterations: int | None
    inner_iterations: int | None
    share_percent: Mapping[str, float]


@dataclass(frozen=True)
class ConversionRow:
    """The conversions of one source line in one warm fit.

    Attributes
    ----------
    problem, place, kind, direction : str
        `place` is file:line, relative to the repository where it lies inside.
    count, bytes : int
    calls, per_call
        As of `ConversionSite`.
    wait_us, copy_us : float
    """

    problem: str
    place: str
    kind: str
    direction: str
    count: int
    calls: int | None
    per_call: float | None
    bytes: int
    wait_us: float
    copy_us: float


def shares_percent(amounts: Mapping[str, int]) -> dict[str, float]:
    """Shares to one decimal that add up to exactly 100.0 (largest-remainder rounding).

    Parameters
    ----------
    amounts : mapping of str to int
        Non-negative amounts.

    Returns
    -------
    dict of str to float
        Zeros if all amounts are zero.
    """
    total = sum(amounts.values())
    if total == 0:
        return dict.fromkeys(amounts, 0.0)
    exact = {name: 1000 * amount / total for name, amount in amounts.items()}
    tenths = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: tenths[name] - exact[name])
    for name in by_remainder[: 1000 - sum(tenths.values())]:
        tenths[name] += 1
    return {name: value / 10 for name, value in tenths.items()}


def first_call_row(profile: ProblemProfile) -> FirstCallRow | None:
    """Build the row of a problem's first call; None if that pass failed."""
    call = profile.first_call
    if call is None:
        return None
    columns = {name: _column_ns(call, phases) for name, phases in COLUMNS.items()}
    measured = {name: ns for name, ns in columns.items() if ns is not None}
    shares = shares_percent(measured)
    call_ns = call.wall_ns - measured.get("import", 0) - measured.get("back end", 0)
    jit_ns = sum(measured.get(name, 0) for name in JIT_COLUMNS)
    return FirstCallRow(
        problem=profile.problem,
        size=profile.size,
        total_ms=call.wall_ns / 1e6,
        unobserved_ms=_ms(call.unobserved_wall_ns),
        share_percent={name: shares.get(name) for name in COLUMNS},
        jit_share_percent=100 * jit_ns / call_ns if call_ns else 0.0,
        modules=call.modules,
    )


def solve_rows(profile: ProblemProfile) -> list[SolveRow]:
    """Build the rows of a problem's warm calls by stage; none of a pass that failed.

    A solver with a stepped driver has two: the user's own call, which is one compiled solve, and
    the stepped one, which has the stages.
    """
    split = profile.split_call
    iterations = (profile.outer_iterations, profile.inner_iterations)
    if profile.split_driver == "own":
        return [] if split is None else [_solve_row(profile, "", split, iterations)]
    rows: list[SolveRow] = []
    if profile.warm_call is not None:
        rows.append(_solve_row(profile, "fused", profile.warm_call, (None, None)))
    if split is not None:
        rows.append(_solve_row(profile, "stepped", split, iterations))
    return rows


def _solve_row(
    profile: ProblemProfile,
    driver: Literal["", "fused", "stepped"],
    call: CallPhases,
    iterations: tuple[int | None, int | None],
) -> SolveRow:
    parts = inside_the_solve(call)
    if driver == "fused":
        # Outside of every stage only because no stage of it shows.
        parts = {COMPILED_SOLVE: parts.pop("other kernels"), **parts}
    return SolveRow(
        profile.problem,
        driver,
        call.wall_ns / 1e6,
        _ms(call.unobserved_wall_ns),
        *iterations,
        shares_percent(parts),
    )


def driver_note(profile: ProblemProfile) -> str | None:
    """Say which driver a problem's split was measured through; None where it is the user's own."""
    if profile.split_driver == "own":
        return None
    stepped, fused = _wall_words(profile.stepped_call), _wall_words(profile.warm_call)
    return (
        f"split measured through the stepped driver, which takes {stepped}; the fused one, which "
        f"users run, takes {fused} (both warm, without hooks)."
    )


def missing_notes(profile: ProblemProfile) -> list[str]:
    """Say what the passes could not have of this solver, a sentence each; failures are apart."""
    notes: list[str] = []
    split, solver = profile.split_call, profile.solver
    if split is not None and set(split.by_stage_ns) <= {""}:
        notes.append(
            f"{solver} names no stages of its solve, so its time is split into compiled code "
            "('other kernels'), conversions and Python ('host') alone."
        )
    if profile.lines == ():
        notes.append(
            f"There are no lines and no iterations, as the adapter of {solver} names no functions "
            "to follow; the cProfile dumps show all that were called."
        )
    if profile.conversions == ():
        notes.append(f"One warm fit by {solver} converts nothing between NumPy and JAX.")
    if profile.first_call is not None and profile.first_call.modules == 0:
        notes.append(f"The first call of {solver} compiles nothing with XLA.")
    return notes


def _wall_words(call: CallPhases | None) -> str:
    known = None if call is None else _ms(call.unobserved_wall_ns)
    return "an unknown time" if known is None else f"{number(known)} ms"


def inside_the_solve(call: CallPhases) -> dict[str, int]:
    """Split one call's wall time into the solver's stages, conversions and the host.

    Conversions, and the preparation of arguments that goes with each jitted call, count as such
    wherever they happen; compilation likewise, if a warm call compiles at all. What is left of a
    stage is the stage's. Outside of every stage, executing a kernel (the gradient, the scaling)
    is shown apart from the host's Python.

    Parameters
    ----------
    call : CallPhases

    Returns
    -------
    dict of str to int
        Nanoseconds; the values sum to `call.wall_ns`.
    """
    conversions = compilation = kernels = host = 0
    stages: dict[str, int] = {}
    for stage, phases in call.by_stage_ns.items():
        for phase, ns in phases.items():
            if phase in CONVERSION_PHASES:
                conversions += ns
            elif phase in JIT_PHASES:
                compilation += ns
            elif stage:
                stages[stage] = stages.get(stage, 0) + ns
            elif phase in EXECUTION_PHASES:
                kernels += ns
            else:
                host += ns
    parts = {
        **stages,
        "other kernels": kernels,
        "arguments and conversions": conversions,
        "host": host,
    }
    return parts if compilation == 0 else {**parts, "compilation": compilation}


def conversion_rows(profile: ProblemProfile, root: Path, most: int = 12) -> list[ConversionRow]:
    """List the hottest conversions of a warm fit, the costliest line first."""
    sites = sorted(profile.conversions or (), key=lambda s: -(s.wait_ns + s.copy_ns))
    return [
        ConversionRow(
            problem=profile.problem,
            place=f"{relative_place(site.file, root)}:{site.line}",
            kind=site.kind,
            direction=site.direction.replace("_", " "),
            count=site.count,
            calls=site.calls,
            per_call=site.per_call,
            bytes=site.bytes,
            wait_us=site.wait_ns / 1e3,
            copy_us=site.copy_ns / 1e3,
        )
        for site in sites[:most]
    ]


def line_rows(profile: ProblemProfile) -> list[AnnotatedLine]:
    """List the driver's lines that ran, with the conversions that each of them forced.

    Lines and conversions are those of the same call: see `ProblemProfile.split_driver`.
    """
    return list(annotate(profile.lines or (), profile.split_conversions or ()))


def relative_place(file: str, root: Path) -> str:
    """Path for display: relative to site-packages or to the repository, else the file's name."""
    path = Path(file)
    parts = path.parts
    if "site-packages" in parts:
        return str(Path(*parts[parts.index("site-packages") + 1 :]))
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def _ms(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else duration_ns / 1e6


def _column_ns(call: CallPhases, phases: tuple[str, ...]) -> int | None:
    found = [call.phases_ns.get(phase) for phase in phases]
    measured = [ns for ns in found if ns is not None]
    return sum(measured) if measured else None
