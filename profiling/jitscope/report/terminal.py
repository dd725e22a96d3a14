"""Show a session on the terminal with rich."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jitscope.report import tables
from jitscope.session import Session


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
    console.print(_solve_table([r for p in profiles if (r := tables.solve_row(p))]))
    console.print(
        _conversion_table([r for p in profiles for r in tables.conversion_rows(p, root, 4)])
    )
    for profile in profiles:
        for name, reason in profile.failures.items():
            console.print(f"[red]{escape(profile.problem)}: {name} failed:[/] {escape(reason)}")
    overhead = session.overhead
    console.print(
        "The recorders themselves cost "
        f"{overhead.per_jit_call_ns.median_ns / 1e3:.0f} µs a jitted call, "
        f"{overhead.per_conversion_ns.median_ns / 1e3:.1f} µs a conversion and "
        f"{overhead.per_span_ns.median_ns / 1e3:.1f} µs a span here; "
        "the column 'no hooks' is the same call without them."
    )


def _first_call_table(rows: Iterable[tables.FirstCallRow]) -> Table:
    table = _table(
        "First call in a fresh process: share of each phase, %",
        ("problem", "ms", "no hooks", *tables.COLUMNS, "JIT"),
    )
    table.caption = "JIT: trace, lower and compile as a share of the call, without the import."
    for row in rows:
        shares = (_number(row.share_percent[name]) for name in tables.COLUMNS)
        walls = (_whole(row.total_ms), _whole(row.unobserved_ms))
        table.add_row(row.problem, *walls, *shares, _whole(row.jit_share_percent))
    return table


def _solve_table(rows: list[tables.SolveRow]) -> Table:
    stages = list(dict.fromkeys(name for row in rows for name in row.share_percent))
    table = _table(
        "Inside one warm solve: share of each stage, %",
        ("problem", "ms", "no hooks", "outer", "inner", *stages),
    )
    table.caption = "outer, inner: iterations. no hooks: the same call unobserved, ms."
    for row in rows:
        table.add_row(
            row.problem,
            f"{row.total_ms:.1f}",
            _number(row.unobserved_ms),
            _count(row.outer_iterations),
            _count(row.inner_iterations),
            *(_number(row.share_percent.get(stage)) for stage in stages),
        )
    return table


def _conversion_table(rows: Iterable[tables.ConversionRow]) -> Table:
    table = _table(
        "The hottest conversions of one warm fit",
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
        words = heading in ("problem", "line", "kind", "direction")
        # A name that is cut off is no name; headings break between words only.
        table.add_column(
            heading.replace(" ", "\n"),
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
