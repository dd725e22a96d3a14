"""Show what differs between two recordings or sessions, in tables of at most 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jitscope.compare_lines import LineChange, Place
from jitscope.compare_recordings import Comparison, CounterRow, TimeRow
from jitscope.compare_sessions import SessionComparison
from jitscope.figures import CONFIDENCE, Interval
from jitscope.report.recording_terminal import at_most_100_columns
from jitscope.report.rendering import count, number

MOST_LINES = 10
LARGE = 0.01
"""A phase below this share of its call, on both sides, is not shown of a session."""
_COLOURS = {"improved": "green", "regressed": "red", "insufficient": "yellow"}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print what differs.

    Parameters
    ----------
    comparison : Comparison
    console : rich.console.Console
    """
    console = at_most_100_columns(console)
    for note in comparison.notes:
        _say(console, escape(note))
    if comparison.times:
        _show(console, "Times, medians in ms", _time_table(comparison.times))
    _show(console, "Counters: exact, fewer is better", _counter_table(comparison.counters))
    _lines(comparison.lines, console)


def print_session_comparison(comparison: SessionComparison, console: Console) -> None:
    """Print what differs, problem by problem; counters that are the same are only counted.

    Parameters
    ----------
    comparison : SessionComparison
    console : rich.console.Console
    """
    console = at_most_100_columns(console)
    for note in comparison.notes:
        _say(console, escape(note))
    for one in comparison.problems:
        _say(console, f"\n[bold reverse] {escape(one.problem)}, {escape(one.solver)} [/]")
        _problem(one.comparison, console)
    if comparison.growth:
        _show(console, "A call at growing length, medians in ms", _time_table(comparison.growth))
    if not comparison.problems:
        _say(console, "They have no problem in common.")


def _problem(comparison: Comparison, console: Console) -> None:
    for note in comparison.notes:
        _say(console, escape(note))
    times = large_times(comparison.times)
    if times:
        _show(
            console, f"Times of {LARGE:.0%} of a call and more, medians in ms", _time_table(times)
        )
    counters = [row for row in comparison.counters if row.verdict != "unchanged"]
    same = len(comparison.counters) - len(counters)
    if counters:
        title = "Counters that changed, or cannot be compared: exact, fewer is better"
        _show(console, title, _counter_table(counters))
    if same:
        _say(console, f"\n{same} counters are the same.")
    _lines(comparison.lines, console)


def large_times(rows: Sequence[TimeRow]) -> list[TimeRow]:
    """Return the walls, and the phases that are not small on at least one side.

    Parameters
    ----------
    rows : sequence of TimeRow
        Of several calls, by names as "warm call: dispatch".
    """
    walls = {row.name.partition(": ")[0]: row for row in rows if row.name.endswith(": wall")}

    def is_large(row: TimeRow) -> bool:
        call, _, phase = row.name.partition(": ")
        wall = walls.get(call)
        if phase.startswith("wall") or wall is None:
            return True
        sides = ((row.base_ns, wall.base_ns), (row.head_ns, wall.head_ns))
        return any(
            part is not None and whole is not None and part.value >= LARGE * whole.value
            for part, whole in sides
        )

    return [row for row in rows if is_large(row)]


def _lines(lines: Sequence[LineChange], console: Console) -> None:
    shown = lines[:MOST_LINES]
    if not shown:
        _say(console, "\nNo line that both recordings can tell of converts or compiles otherwise.")
        return
    _show(console, "Lines that changed, costliest first", _line_table(shown))
    if len(lines) > len(shown):
        _say(console, f"[dim]{len(lines) - len(shown)} more lines changed.[/]")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _show(console: Console, title: str, table: Table) -> None:
    _say(console, f"\n[bold]{title}[/]")
    console.print(table)


def _table(left: Sequence[str], right: Sequence[str], last: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in left:
        table.add_column(heading, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in last:
        table.add_column(heading, overflow="fold")
    return table


def _time_table(rows: Sequence[TimeRow]) -> Table:
    right = ("first", "second", "ratio", f"{CONFIDENCE:.0%} interval")
    table = _table(("phase",), right, ("verdict", "why"))
    for row in rows:
        ratio = row.ratio
        ends = "-" if ratio is None or ratio.lo is None or ratio.hi is None else _ends(ratio)
        table.add_row(
            row.name.replace("_", " "),
            _ms(row.base_ns),
            _ms(row.head_ns),
            "-" if ratio is None else f"{ratio.value:.3f}",
            ends,
            _coloured(row.verdict),
            escape(row.why),
        )
    return table


def _ends(ratio: Interval) -> str:
    return f"{ratio.lo:.3f} to {ratio.hi:.3f}"


def _counter_table(rows: Sequence[CounterRow]) -> Table:
    table = _table(("counter",), ("first", "second"), ("verdict", "why"))
    for row in rows:
        values = ["-" if one is None else count(one) for one in (row.base, row.head)]
        table.add_row(row.name, *values, _coloured(row.verdict), escape(row.why))
    return table


def _line_table(changes: Sequence[LineChange]) -> Table:
    table = _table(
        ("line", "function", "kind"),
        ("count", "then", "bytes", "then"),
        ("change",),
    )
    for one in changes:
        here = one.head or one.base
        assert here is not None
        sizes = [_count(place, "bytes") for place in (one.base, one.head)]
        counts = [_count(place, "count") for place in (one.base, one.head)]
        names = (_place(one), escape(here.function), escape(here.kind))
        table.add_row(*names, *counts, *sizes, one.change)
    return table


def _count(place: Place | None, attribute: str) -> str:
    value = 0 if place is None else getattr(place, attribute)
    return "-" if value is None else f"{value:,}"


def _place(change: LineChange) -> str:
    here = change.head or change.base
    if here is None or here.file is None:
        return "-"
    was = None if change.base is None else change.base.line
    moved = "" if was is None or was == here.line else f" (was {was})"
    return escape(f"{PurePath(here.file).name}:{here.line}{moved}")


def _coloured(verdict: str) -> str:
    colour = _COLOURS.get(verdict)
    return verdict if colour is None else f"[{colour}]{verdict}[/]"


def _ms(found: Interval | None) -> str:
    return "-" if found is None else number(found.value / 1e6)
