"""A recording as plain rows: what its page shows, without how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from jitscope.conversions import ConversionSite
from jitscope.counters import Counters
from jitscope.figures import Interval, median_of
from jitscope.lines import AnnotatedLine, annotate, per_hit
from jitscope.mends import advice_for, mend_of
from jitscope.phases import PHASES
from jitscope.recording import CompileRequest, DevicePass, FunctionPhases, PhasesPass, Recording
from jitscope.report.phase_styles import OTHER_COLOUR, PHASE_STYLES, PhaseStyle
from jitscope.report.rendering import number

BAR_WIDTH = 1000
"""Units of a bar's drawing."""
SCOPE_COLOURS = (
    *("#2b6cb0", "#c8434f", "#1b998b", "#f0904f", "#9a6fd0", "#f4c95d"),
    *("#7cc6ef", "#a98467", "#7bd3b1", "#b86bb3"),
)
_GREYS = {"(unscoped)": "#8d99ae", "(mixed)": "#5b6675", "(unknown)": "#c3cad6"}
_STYLES = {style.name: style for style in PHASE_STYLES}


@dataclass(frozen=True)
class Piece:
    """A piece of a bar: where it begins and how long it is, of `BAR_WIDTH`."""

    label: str
    text: str
    colour: str
    start: float
    width: float


@dataclass(frozen=True)
class PhaseRow:
    """A phase over all runs; `ms` and `share` are None where it was not measured."""

    style: PhaseStyle
    ms: Interval | None
    share: float | None


@dataclass(frozen=True)
class FunctionRow:
    """A function of the last run: milliseconds by phase, and its bar beside the costliest one's."""

    name: str
    calls: int
    total_ms: float
    phases_ms: dict[str, float]
    bar: list[Piece]


@dataclass(frozen=True)
class RequestRow:
    """What had to be compiled, or loaded, and why."""

    request: CompileRequest
    advice: str


@dataclass(frozen=True)
class PhasesView:
    """The phases pass; functions, requests and threads are those of the last run."""

    runs: int
    wall_ms: Interval
    unobserved_ms: float | None
    bar: list[Piece]
    rows: list[PhaseRow]
    function_phases: list[PhaseStyle]
    functions: list[FunctionRow]
    requests: list[RequestRow]
    memory_hits: int
    threads: list[FunctionRow]


@dataclass(frozen=True)
class ConversionRow:
    """A converting line, with the usual mend; `per_hit` is None where the line was not followed."""

    site: ConversionSite
    cost_ms: float
    per_hit: float | None
    mend: str


@dataclass(frozen=True)
class LineRow:
    """A line, with its share of the time of its function's lines."""

    line: AnnotatedLine
    share: float


@dataclass(frozen=True)
class DeviceView:
    """The device pass; `bar` holds the scopes, `colours` one of each of them."""

    found: DevicePass
    busy: float | None
    bar: list[Piece]
    colours: list[str]


def style_of(phase: str) -> PhaseStyle:
    """Return how a phase looks, an unknown one too."""
    if phase == "import":
        # Of a program nobody knows what a solver is: what is timed is JAX's import.
        return replace(_STYLES[phase], meaning="importing JAX, and all that it imports")
    return _STYLES.get(phase) or PhaseStyle(phase, phase.replace("_", " "), OTHER_COLOUR, phase)


def bar_of(parts: Iterable[tuple[str, str, float]], whole: float) -> list[Piece]:
    """Return the pieces of (label, colour, amount) side by side, where `whole` fills the bar."""
    pieces: list[Piece] = []
    start = 0.0
    for label, colour, amount in parts:
        if amount > 0 and whole > 0:
            width = BAR_WIDTH * amount / whole
            pieces.append(Piece(label, f"{100 * amount / whole:.1f}%", colour, start, width))
            start += width
    return pieces


def phases_view(recording: Recording) -> PhasesView | None:
    """Return the phases pass as rows; None if there was none.

    Parameters
    ----------
    recording : Recording
    """
    runs = recording.phases
    walls = median_of([run.wall_ns / 1e6 for run in runs])
    if walls is None:
        return None
    last = runs[-1]
    names = [*PHASES, *sorted({name for run in runs for name in run.phases_ns} - set(PHASES))]
    rows = [_phase_row(style_of(name), runs) for name in names]
    sums = [(row.style.label, row.style.colour, row.share or 0.0) for row in rows]
    functions = _function_rows(last.functions)
    taken = {name for row in functions for name in row.phases_ms}
    unobserved_ns = runs[0].unobserved_wall_ns
    return PhasesView(
        runs=len(runs),
        wall_ms=walls,
        unobserved_ms=None if unobserved_ns is None else unobserved_ns / 1e6,
        # Medians of shares need not add up to one.
        bar=bar_of(sums, sum(share for _, _, share in sums)),
        rows=rows,
        function_phases=[style_of(name) for name in names if name in taken],
        functions=functions,
        requests=[
            RequestRow(one, advice_for(one)) for one in last.requests if one.cause is not None
        ],
        memory_hits=sum(one.count for one in last.requests if one.outcome == "memory hit"),
        threads=_function_rows(
            [FunctionPhases(one.name, 0, one.phases_ns) for one in last.threads]
        ),
    )


def _phase_row(style: PhaseStyle, runs: Sequence[PhasesPass]) -> PhaseRow:
    known = [run for run in runs if run.phases_ns.get(style.name) is not None]
    ms = median_of([(run.phases_ns[style.name] or 0) / 1e6 for run in known])
    share = median_of(
        [(run.phases_ns[style.name] or 0) / run.wall_ns for run in known if run.wall_ns]
    )
    return PhaseRow(style, ms, None if share is None else share.value)


def _function_rows(functions: Iterable[FunctionPhases]) -> list[FunctionRow]:
    sums = [(sum(one.phases_ns.values()), one) for one in functions]
    costly = sorted(sums, key=lambda pair: -pair[0])
    most_ns = costly[0][0] if costly else 0
    rows: list[FunctionRow] = []
    for total_ns, one in costly:
        parts = [(style_of(name), ns) for name, ns in one.phases_ns.items() if ns]
        parts.sort(key=lambda part: PHASES.index(part[0].name) if part[0].name in PHASES else 99)
        bar = bar_of([(style.label, style.colour, ns) for style, ns in parts], most_ns)
        # The bar is as long as the time beside the costliest; its texts are shares of its own.
        bar = [
            Piece(piece.label, f"{number(ns / 1e6)} ms", piece.colour, piece.start, piece.width)
            for piece, (_, ns) in zip(bar, parts, strict=True)
        ]
        phases_ms = {style.name: ns / 1e6 for style, ns in parts}
        rows.append(FunctionRow(one.name, one.calls, total_ns / 1e6, phases_ms, bar))
    return rows


def conversion_rows(recording: Recording) -> list[ConversionRow] | None:
    """Return the conversions, costliest first; None if they were not recorded."""
    if recording.conversions is None:
        return None
    rows = [
        ConversionRow(
            site,
            (site.wait_ns + site.copy_ns) / 1e6,
            per_hit(site, recording.lines),
            mend_of(site),
        )
        for site in recording.conversions
    ]
    return sorted(rows, key=lambda row: -row.cost_ms)


def line_rows(recording: Recording) -> list[LineRow] | None:
    """Return the lines, costliest first; None if they were not recorded."""
    if recording.lines is None:
        return None
    # A line's time holds the calls it makes, so lines of different functions do not add up.
    totals_ns: Counter[tuple[str, str]] = Counter()
    for line in recording.lines:
        totals_ns[line.file, line.function] += line.time_ns
    rows = [
        LineRow(one, one.time.time_ns / (totals_ns[one.time.file, one.time.function] or 1))
        for one in annotate(recording.lines, recording.conversions or ())
    ]
    return sorted(rows, key=lambda row: -row.line.time.time_ns)


def device_view(found: DevicePass) -> DeviceView:
    """Return the device pass with the bar of its scopes."""
    named = [one for one in found.scopes if one.scope not in _GREYS]
    # The first ones have a colour each; of the others, nobody could tell the colours apart.
    colours = dict(zip(((one.module, one.scope) for one in named), SCOPE_COLOURS, strict=False))
    parts = [
        (
            f"{one.module}: {one.scope}",
            _GREYS.get(one.scope) or colours.get((one.module, one.scope), OTHER_COLOUR),
            float(one.time_ns),
        )
        for one in found.scopes
    ]
    busy = found.busy_ns / found.wall_ns if found.wall_ns else None
    bar = bar_of(parts, found.busy_ns)
    return DeviceView(found, busy, bar, [colour for _, colour, _ in parts])


def counter_rows(counters: Counters) -> dict[str, int | float | None]:
    """Return the totals by name; None: not known."""
    return {
        "modules compiled": counters.compiled,
        "modules loaded from the cache": counters.loaded,
        "traces": counters.traces,
        "jaxpr equations": counters.jaxpr_equations,
        "HLO instructions": counters.hlo_instructions,
        "fused kernels": counters.fused_kernels,
        "temporary bytes": counters.temp_bytes,
        "peak bytes, largest module": counters.peak_bytes,
        "flops, loop-free programs": counters.flops,
        "bytes accessed, loop-free programs": counters.bytes_accessed,
        "host syncs": counters.host_syncs,
    }
