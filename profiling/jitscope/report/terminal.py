"""Show a session on the terminal with rich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jitscope.opportunities import opportunities
from jitscope.report import growth, programs, tables
from jitscope.report.recording_terminal import opportunity_cells
from jitscope.session import ProblemProfile, Session
from jitscope.session_recordings import USERS_CALLS, calls_of

MOST_OPPORTUNITIES = 3
"""Of each call; the page has more."""
_WORDS = frozenset(
    ("call", "cost", "problem", "driver", "line", "kind", "direction", "module", "scope", "counter")
)
"""Headings of columns of words, which are never cut."""
_SOLVE_TITLES = {
    "": "Inside one warm solve: share of each stage, %",
    "fused": "One warm fit as users call it, fused: shares, %",
    "stepped": "Inside a warm solve by the stepped driver, not the users' one: stages, %",
}


def print_session(session: Session, root: Path, console: Console) -> None:
    """Print the tables of a session.

    Parameters
    ----------
    session : Session
    root : Path
        Repository, which file names are shown relative to.
    console : rich.console.Console
    """
    profiles = session.problems
    console.print(_first_call_table([r for p in profiles if (r := tables.first_call_row(p))]))
    for table in _solve_tables([row for p in profiles for row in tables.solve_rows(p)]):
        console.print(table)
    for profile in profiles:
        note = tables.driver_note(profile)
        if note is not None:
            console.print(f"{escape(profile.problem)}: {note}", highlight=False)
        for missing in tables.missing_notes(profile):
            console.print(f"{escape(profile.problem)}: {escape(missing)}", highlight=False)
    fused = any(profile.split_driver == "stepped" for profile in profiles)
    title = f"The hottest conversions of one warm {'fused ' if fused else ''}fit"
    rows = [row for profile in profiles for row in tables.conversion_rows(profile, root, 4)]
    if rows:
        console.print(_conversion_table(title, rows))
    _print_programs(profiles, console)
    _print_opportunities(session, console)
    for profile in profiles:
        for name, reason in profile.failures.items():
            console.print(f"[red]{escape(profile.problem)}: {name} failed:[/] {escape(reason)}")
    lengths = growth.growth_rows(session.growth)
    if lengths:
        console.print(growth.terminal_plot(lengths))
    for reason in session.growth_failures.values():
        console.print(f"[red]Not measured:[/] {escape(reason)}")
    overhead = session.overhead
    console.print(
        "The recorders themselves cost "
        f"{overhead.per_jit_call_ns.median_ns / 1e3:.0f} µs a jitted call, "
        f"{overhead.per_conversion_ns.median_ns / 1e3:.1f} µs a conversion and "
        f"{overhead.per_span_ns.median_ns / 1e3:.1f} µs a span here; "
        "the column 'without hooks' is the same call without them."
    )


def _print_programs(profiles: Sequence[ProblemProfile], console: Console) -> None:
    scopes = programs.scope_rows(profiles, 4)
    if scopes:
        table = _table(
            "Inside the compiled programs of one warm fit, by scope",
            ("problem", "module", "ms", "of busy, %", "scope"),
        )
        for row in scopes:
            words = (escape(row.problem), escape(row.module))
            figures = (f"{row.ms:.3g}", f"{row.share_percent:.1f}")
            table.add_row(*words, *figures, escape(row.scope))
        console.print(table)
    counted = programs.counter_columns(profiles)
    if counted:
        table = _table("What the first fit traced and compiled", ("counter", *counted))
        for name in next(iter(counted.values())):
            values = (column[name] for column in counted.values())
            table.add_row(name, *("-" if one is None else f"{one:,.0f}" for one in values))
        console.print(table)


def _print_opportunities(session: Session, console: Console) -> None:
    rows = [
        (one, found)
        for one in calls_of(session)
        if one.call in USERS_CALLS
        for found in opportunities(one.recording)[:MOST_OPPORTUNITIES]
    ]
    if not rows:
        return
    table = _table(
        "At most so many times as fast without it (a bound, not a promise)",
        ("problem", "call", "cost", "share, %", "at most"),
    )
    for one, found in rows:
        names = (escape(one.problem), one.call, escape(found.cost))
        table.add_row(*names, *opportunity_cells(found))
    table.caption = "from one recording of each call: no intervals"
    console.print(table)


def _first_call_table(rows: Iterable[tables.FirstCallRow]) -> Table:
    table = _table(
        "First call in a fresh process: share of each phase, %",
        ("problem", "ms", "without hooks", *tables.COLUMNS, "JIT"),
    )
    table.caption = "JIT: trace, lower and compile as a share of the call, without the import."
    for row in rows:
        shares = (_number(row.share_percent[name]) for name in tables.COLUMNS)
        walls = (_whole(row.total_ms), _whole(row.unobserved_ms))
        table.add_row(row.problem, *walls, *shares, _whole(row.jit_share_percent))
    return table


def _solve_tables(rows: Sequence[tables.SolveRow]) -> Iterator[Table]:
    """Yield a table for each driver: their stages are not the same ones."""
    for driver in dict.fromkeys(row.driver for row in rows):
        yield _solve_table(_SOLVE_TITLES[driver], [row for row in rows if row.driver == driver])


def _solve_table(title: str, rows: Sequence[tables.SolveRow]) -> Table:
    named = dict.fromkeys(name for row in rows for name in row.share_percent)
    stages = [name for name in named if any(row.share_percent.get(name) for row in rows)]
    counted = any(row.outer_iterations is not None for row in rows)
    counts = ("outer", "inner") if counted else ()
    table = _table(title, ("problem", "ms", "without hooks", *counts, *stages))
    table.caption = "without hooks: the same call unobserved, ms."
    if counted:
        table.caption = "outer, inner: iterations. " + table.caption
    for row in rows:
        iterations = (row.outer_iterations, row.inner_iterations)
        table.add_row(
            row.problem,
            f"{row.total_ms:.1f}",
            _number(row.unobserved_ms),
            *(_count(one) for one in iterations[: len(counts)]),
            *(_number(row.share_percent.get(stage)) for stage in stages),
        )
    return table


def _conversion_table(title: str, rows: Iterable[tables.ConversionRow]) -> Table:
    table = _table(
        title,
        ("problem", "line", "kind", "direction", "count", "wait µs", "copy µs"),
    )
    for row in rows:
        table.add_row(
            row.problem,
            escape(row.place),
            escape(row.kind),
            row.direction,
            str(row.count),
            f"{row.wait_us:.0f}",
            f"{row.copy_us:.0f}",
        )
    return table


def _table(title: str, headings: Iterable[str]) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, padding=0, show_edge=False)
    for heading in headings:
        words = heading in _WORDS
        # A name that is cut off is no name; headings break between words and at hyphens only.
        table.add_column(
            heading.replace(" ", "\n").replace("-", "-\n"),
            justify="left" if words else "right",
            no_wrap=words,
            overflow="fold",
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)
