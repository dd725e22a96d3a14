"""Show a `Recording` on the terminal with rich, in tables of at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Column, Table

from jitscope.conversions import ConversionSite
from jitscope.figures import MIN_SAMPLES, median_of
from jitscope.lines import annotate
from jitscope.mends import advice_for, mend_of
from jitscope.opportunities import Opportunity, opportunities
from jitscope.phases import PHASES
from jitscope.recording import CompileRequest, DevicePass, FunctionPhases, PhasesPass, Recording
from jitscope.report.recording_view import counter_rows
from jitscope.report.rendering import count, number, place, shortened
from jitscope.report.snakeviz_page import page_of

WIDTH = 100
MOST_ROWS = 12
"""Rows of a table; the file has all of them."""
_COMPILING = ("trace", "lower", "compile", "cache_load")


def print_recording(recording: Recording, console: Console) -> None:
    """Print what was recorded, pass by pass.

    Parameters
    ----------
    recording : Recording
    console : rich.console.Console
    """
    _Report(recording, at_most_100_columns(console)).print()


def at_most_100_columns(console: Console) -> Console:
    """Return a console that writes to the same place, in so many columns; the other stays as it is.

    What is no terminal has no width of its own, and gets all of them.
    """
    narrow = copy(console)
    narrow.width = WIDTH if not console.is_terminal else min(console.width, WIDTH)
    return narrow


class _Report:
    def __init__(self, recording: Recording, console: Console) -> None:
        self._recording = recording
        self._console = console

    def print(self) -> None:
        self._heading()
        if self._recording.phases:
            self._phases(self._recording.phases)
        if self._recording.conversions is not None:
            self._conversions(self._recording.conversions)
        if self._recording.lines is not None:
            self._lines()
        if self._recording.device is not None:
            self._device(self._recording.device)
        self._counters()
        self._opportunities(opportunities(self._recording))
        self._closing()

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)

    def _advise(self, text: str) -> None:
        self._console.print(Padding(text, (0, 0, 0, 2)), highlight=False)

    def _show(self, table: Table, rows: int) -> None:
        # Above the table, as a title within it breaks where the table is narrow.
        self._say(f"\n[bold]{table.title}[/]")
        table.title = None
        self._console.print(table)
        if rows > MOST_ROWS:
            self._say(f"[dim]{rows - MOST_ROWS} more rows are in the file.[/]")

    def _narrow(self, table: Table, column: Column) -> None:
        """Leave a column what the others do not need.

        Rich would cut all of them alike, and a figure that is cut is another one.
        """
        others = [one for one in table.columns if one is not column]
        taken = sum(max(len(str(cell)) for cell in (one.header, *one.cells)) for one in others)
        column.max_width = max(12, self._console.width - taken - 2 * len(table.columns))
        column.no_wrap = column.overflow == "ellipsis"

    def _heading(self) -> None:
        recording = self._recording
        what = " ".join(recording.command) or "a block of this process"
        self._say(f"\n[bold]jitscope: {escape(what)}[/]")
        machine = recording.environment
        names = ("jax", "jaxlib", "numpy")
        versions = [f"{name} {found}" for name in names if (found := machine.packages.get(name))]
        stack = ", ".join((f"Python {machine.python}", *versions))
        self._say(f"{escape(machine.cpu)}, {machine.cores} cores; {stack}.")
        if recording.exception is not None:
            self._say(f"[red]It ended with {escape(recording.exception)}.[/]")

    def _phases(self, runs: Sequence[PhasesPass]) -> None:
        walls = median_of([run.wall_ns for run in runs])
        assert walls is not None
        times = "once" if len(runs) == 1 else f"{len(runs)} times, medians"
        unobserved = runs[0].unobserved_wall_ns
        beside = (
            "none without hooks was measured"
            if unobserved is None
            else f"one run without hooks took {_ms(unobserved)} ms"
        )
        self._say(f"\nRecorded {times}: {_ms(walls.value)} ms of wall time; {beside}.")
        self._show(_phase_table(runs), 0)
        last = runs[-1]
        functions = [one for one in last.functions if sum(one.phases_ns.values())]
        if functions:
            self._show(_function_table(functions), len(functions))
        compiled = [one for one in last.requests if one.cause is not None]
        if compiled:
            self._show(_request_table(compiled), len(compiled))
            for advice in dict.fromkeys(map(_cause_and_advice, compiled)):
                self._advise(advice)
        hits = sum(one.count for one in last.requests if one.outcome == "memory hit")
        if hits:
            self._say(f"{hits} calls found their program in memory.")
        for thread in last.threads:
            parts = ", ".join(f"{name} {_ms(ns)}" for name, ns in thread.phases_ns.items() if ns)
            self._say(f"Beside, in thread {escape(thread.name)}, ms: {parts or 'nothing'}.")

    def _conversions(self, sites: Sequence[ConversionSite]) -> None:
        if not sites:
            self._say("\nNo conversion between NumPy and JAX.")
            return
        costly = sorted(sites, key=lambda site: -(site.wait_ns + site.copy_ns))
        table = _conversion_table(costly[:MOST_ROWS])
        self._narrow(table, table.columns[0])
        self._show(table, len(sites))
        for direction in ("to_host", "to_device"):
            kinds = {one.kind: mend_of(one) for one in costly if one.direction == direction}
            for kind, mend in kinds.items():
                self._advise(f"[bold]{escape(kind)}[/], {direction.replace('_', ' ')}: {mend}")

    def _lines(self) -> None:
        lines = self._recording.lines or ()
        if not lines:
            self._say("\nNo line of the program was followed: see `--lines-of`.")
            return
        rows = annotate(lines, self._recording.conversions or ())
        costly = sorted(rows, key=lambda row: -row.time.time_ns)
        known = self._recording.conversions is not None
        title = "Lines, costliest first" + (", and what they convert" if known else "")
        beside = ("to host", "to device", "wait ms") if known else ()
        table = _table(title, ("line", "hits", "ms", *beside), ("source",))
        for row in costly[:MOST_ROWS]:
            numbers = [str(row.time.hits), _ms(row.time.time_ns)]
            if known:
                numbers += [str(row.to_host), str(row.to_device), _ms(row.wait_ns)]
            where = _place(row.time.file, row.time.line)
            table.add_row(where, *numbers, escape(row.source))
        self._narrow(table, table.columns[-1])
        self._show(table, len(rows))
        self._say(
            "[dim]Lines of a jitted function run while it is traced, not when it is called.[/]"
        )

    def _device(self, device: DevicePass) -> None:
        if not device.ops:
            self._say("\nNo operation ran on the device.")
            return
        share = (
            f", {number(100 * device.busy_ns / device.wall_ns)}% of the time"
            if device.wall_ns
            else ""
        )
        self._say(f"\nDevice: busy for {_ms(device.busy_ns)} of {_ms(device.wall_ns)} ms{share}.")
        scopes = _table("Scopes (jax.named_scope)", ("module", "ms", "%", "runs"), ("scope",))
        for one in device.scopes[:MOST_ROWS]:
            share = _percent(one.time_ns, device.busy_ns)
            scopes.add_row(
                escape(one.module), _ms(one.time_ns), share, str(one.count), escape(one.scope)
            )
        self._show(scopes, len(device.scopes))
        ops = _table("Operations", ("module", "operation", "kind", "ms", "%", "runs"), ("scopes",))
        for one in device.ops[:MOST_ROWS]:
            share = _percent(one.time_ns, device.busy_ns)
            scope = escape(", ".join(one.scopes) or "(unknown)")
            names = map(escape, (one.module, one.op, one.kind))
            ops.add_row(*names, _ms(one.time_ns), share, str(one.count), scope)
        self._show(ops, len(device.ops))

    def _counters(self) -> None:
        counters = self._recording.counters
        if counters is None:
            return
        table = _table("Counters", ("counter", "value"))
        for name, value in counter_rows(counters).items():
            table.add_row(name, "not known" if value is None else f"{value:,.0f}")
        self._show(table, 0)

    def _opportunities(self, found: Sequence[Opportunity]) -> None:
        if not found:
            return
        table = _table(
            "At most so many times as fast without it (a bound, not a promise)",
            ("cost", "share %", "at most"),
            ("usual way",),
        )
        for one in found[:MOST_ROWS]:
            table.add_row(escape(one.cost), *opportunity_cells(one), one.how)
        self._show(table, len(found))
        if any(one.cost.startswith(("compile jit(", "compile again")) for one in found):
            text = "What single functions compile, or compile again, is a part of `compile`."
            self._say(f"[dim]{text}[/]")
        if len(self._recording.phases) < MIN_SAMPLES:
            self._say(f"[dim]No intervals from fewer than {MIN_SAMPLES} runs: `--runs 7`.[/]")

    def _closing(self) -> None:
        for name, reason in self._recording.failures.items():
            self._say(f"[red]The {escape(name)} pass gave nothing: {escape(reason)}.[/]")
        for path in filter(None, (self._recording.cprofile, self._recording.lprof)):
            viewer = "snakeviz" if path.endswith(".prof") else "python -m line_profiler"
            self._console.print(f"{viewer} {shortened(path)}", markup=False, soft_wrap=True)
        dump = self._recording.cprofile
        if dump is not None and page_of(Path(dump)).is_file():
            text = f"The same without a server: {shortened(str(page_of(Path(dump))))}"
            self._console.print(text, markup=False, soft_wrap=True)
        overhead = self._recording.overhead
        if overhead is None:
            self._say("[dim]What recording itself costs here: `jitscope calibrate`.[/]")
            return
        self._say(f"[dim]{overhead.in_words()}[/]")


def _phase_table(runs: Sequence[PhasesPass]) -> Table:
    table = _table("Phases: every moment of the wall time in one of them", ("phase", "ms", "%"))
    several = len(runs) >= MIN_SAMPLES
    if several:
        table.add_column("99% interval, ms", justify="right")
    for phase in PHASES:
        known = [ns for run in runs if (ns := run.phases_ns.get(phase)) is not None]
        found = median_of([float(ns) for ns in known])
        if found is None:
            table.add_row(phase.replace("_", " "), "not measured", "")
            continue
        shares = median_of(
            [(run.phases_ns.get(phase) or 0) / run.wall_ns for run in runs if run.wall_ns]
        )
        cells = [_ms(found.value), "" if shares is None else f"{100 * shares.value:.1f}"]
        if several and found.lo is not None and found.hi is not None:
            cells.append(f"{_ms(found.lo)} to {_ms(found.hi)}")
        table.add_row(phase.replace("_", " "), *cells)
    return table


def _function_table(functions: Iterable[FunctionPhases]) -> Table:
    headings = ("function", "calls", "trace", "lower", "compile", "load", "args", "run", "other")
    table = _table("Functions, costliest first, ms", headings)
    for one in sorted(functions, key=lambda one: -sum(one.phases_ns.values()))[:MOST_ROWS]:
        run = one.phases_ns.get("device_wait", 0)
        shown = (*_COMPILING, "to_device", "device_wait")
        other = sum(ns for phase, ns in one.phases_ns.items() if phase not in shown)
        parts = [one.phases_ns.get(phase, 0) for phase in (*_COMPILING, "to_device")]
        table.add_row(escape(one.name), str(one.calls), *map(_ms, (*parts, run, other)))
    table.caption = "args: to the device; run: waiting for results; other: mostly dispatch."
    return table


def _request_table(requests: Iterable[CompileRequest]) -> Table:
    table = _table(
        "Compiled, and why", ("function", "line", "how", "times"), ("cause", "what changed")
    )
    for one in sorted(requests, key=lambda one: -one.count)[:MOST_ROWS]:
        place = "-" if one.file is None or one.line is None else _place(one.file, one.line)
        cause = escape(one.cause or "")
        cells = (escape(one.function), place, one.outcome, str(one.count))
        table.add_row(*cells, cause, escape(one.changed or ""))
    return table


def _cause_and_advice(request: CompileRequest) -> str:
    return f"[bold]{escape(request.cause or '')}[/]: {advice_for(request)}"


def _conversion_table(sites: Iterable[ConversionSite]) -> Table:
    table = _table(
        "Conversions between NumPy and JAX, costliest first",
        ("line", "kind", "to", "count", "calls", "a call", "bytes", "wait ms", "copy ms"),
    )
    table.caption = "calls: those of the function that made any; a call: how many in each of them."
    for site in sites:
        words = (escape(site.kind), site.direction.removeprefix("to_"))
        calls = "-" if site.calls is None else f"{site.calls:,}"
        each = "-" if site.per_call is None else count(site.per_call)
        numbers = (f"{site.count:,}", calls, each, f"{site.bytes:,}")
        waits = (_ms(site.wait_ns), _ms(site.copy_ns))
        table.add_row(_place(site.file, site.line), *words, *numbers, *waits)
    return table


def _table(title: str, headings: Sequence[str], last: Sequence[str] = ()) -> Table:
    """Return a table whose first column and words are on the left, and numbers on the right."""
    left = {"phase", "function", "line", "kind", "to", "module", "operation", "how"}
    left |= {"counter", "cost"}
    table = Table(
        title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, caption_justify="left"
    )
    for heading in headings:
        justify = "left" if heading in left else "right"
        whole = heading in ("line", "kind", "to", "how")
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=whole)
    for heading in last:
        source = heading == "source"
        table.add_column(heading, overflow="ellipsis" if source else "fold", no_wrap=source)
    return table


def opportunity_cells(one: Opportunity) -> tuple[str, str]:
    """Return the share in percent, and the bound, with their intervals where they have some."""
    return _share(one), _most(one)


def _share(one: Opportunity) -> str:
    share = f"{100 * one.share.value:.1f}"
    if one.share.lo is None or one.share.hi is None:
        return share
    return f"{share} ({100 * one.share.lo:.1f} to {100 * one.share.hi:.1f})"


def _most(one: Opportunity) -> str:
    if one.share.value >= 1:
        return "without bound"
    ends = one.most_interval
    beside = "" if ends is None else f" ({ends[0]:.2f} to {ends[1]:.2f})"
    return f"{one.most:.2f}{beside}"


def _percent(part_ns: int, whole_ns: int) -> str:
    return f"{100 * part_ns / whole_ns:.1f}" if whole_ns else "-"


def _ms(duration_ns: float) -> str:
    return number(duration_ns / 1e6)


def _place(file: str, line: int) -> str:
    return escape(place(file, line))
