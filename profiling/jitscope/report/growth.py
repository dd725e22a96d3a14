"""How cost and memory grow with the data: rows of a table, a chart's data, a plot in text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from jitscope.figures import Interval, median_of
from jitscope.growth import Growth
from jitscope.report.rendering import count, interval, number

_CELLS, _BEYOND = 6, 5
"""Of the plot in text: a decade, and how far bars go beyond linear growth before they end in »."""


@dataclass(frozen=True)
class GrowthRow:
    """One length.

    Attributes
    ----------
    points : int
    ms : Interval
        Of a call, with its 99% interval.
    of_linear : float
        The time over what it would be had it grown linearly from the shortest length.
    peak_mb : float or None
        Peak memory above the data, in millions of bytes; None where it was not measured.
    """

    points: int
    ms: Interval
    of_linear: float
    peak_mb: float | None


def growth_rows(growth: Sequence[Growth]) -> list[GrowthRow]:
    """Return a row of each length that has a time, the shortest first."""
    rows: list[GrowthRow] = []
    for one in sorted(growth, key=lambda one: one.points):
        ms = median_of([ns / 1e6 for ns in one.calls_ns])
        if ms is not None:
            first = rows[0] if rows else GrowthRow(one.points, ms, 1.0, None)
            of_linear = ms.value / first.ms.value / (one.points / first.points)
            peak_mb = None if one.peak_bytes is None else one.peak_bytes / 1e6
            rows.append(GrowthRow(one.points, ms, of_linear, peak_mb))
    return rows


def chart_data(rows: Sequence[GrowthRow]) -> dict[str, object]:
    """Return what `growth.js` draws: for both charts points, values, ends and the linear line."""
    peaks = [row for row in rows if row.peak_mb]
    return {
        "growth-time": {
            "unit": "ms",
            "points": [row.points for row in rows],
            "values": [row.ms.value for row in rows],
            "lo": [row.ms.lo for row in rows],
            "hi": [row.ms.hi for row in rows],
            "text": [f"{number(row.ms.value)} ms ({_ends(row.ms)})" for row in rows],
        },
        "growth-memory": {
            "unit": "MB",
            "points": [row.points for row in peaks],
            "values": [row.peak_mb for row in peaks],
            "lo": [None for _ in peaks],
            "hi": [None for _ in peaks],
            "text": [f"{number(row.peak_mb or 0)} MB" for row in peaks],
        },
    }


def terminal_plot(rows: Sequence[GrowthRow]) -> Table:
    """Return a table with bars on a logarithmic scale, and a mark where linear growth would end."""
    table = Table(
        title="Growth: one warm plain fit of a Gaussian, and its peak memory above the data",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.caption = "bars: logarithmic, six cells a decade; |: where linear growth would end"
    for heading in ("points", "ms a call (99% interval)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("time", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("memory", no_wrap=True)
    first = rows[0]
    for row in rows:
        linear = row.points / first.points
        table.add_row(
            count(row.points),
            f"{number(row.ms.value)} ({_ends(row.ms)})",
            _bar(row.ms.value / first.ms.value, linear),
            "-" if row.peak_mb is None else number(row.peak_mb),
            _memory_bar(row, first),
        )
    return table


def _memory_bar(row: GrowthRow, first: GrowthRow) -> str:
    if not row.peak_mb or not first.peak_mb:
        return ""
    return _bar(row.peak_mb / first.peak_mb, row.points / first.points)


def _bar(times: float, linear: float) -> str:
    """Return a bar as long as the logarithm of a growth, marked at the linear one."""
    length, mark = (1 + max(0, round(_CELLS * math.log10(one))) for one in (times, linear))
    cells = "█" * length + " " * max(0, mark - length)
    if length > mark + _BEYOND:
        cells = cells[: mark + _BEYOND - 1] + "»"
    return cells[: mark - 1] + "|" + cells[mark:]


def _ends(ms: Interval) -> str:
    return interval(ms.lo, ms.hi)
