"""Show the figures of `jitscope.ratios` on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jitscope.report.rendering import interval, number

if TYPE_CHECKING:
    from jitscope.figures import Interval
    from jitscope.ratios import Figure, Ratios

REFERENCES = ("scipy_lm", "optimistix")
"""Solvers that the table shows ratios to; the file has all of them."""
_COLOURS = {"met": "green", "missed": "red", "undecided": "yellow"}


def print_ratios(ratios: Ratios, console: Console) -> None:
    """Print a table of each subject, and why a solver has no figure."""
    for subject in dict.fromkeys(figure.subject for figure in ratios.figures):
        figures = [figure for figure in ratios.figures if figure.subject == subject]
        console.print(_table(subject, figures))
    notes = dict.fromkeys(f"{one.solver}: {one.note}" for one in ratios.figures if one.note)
    for note in notes:
        console.print(f"[dim]{escape(note)}[/]", highlight=False, soft_wrap=True)
    machine = ratios.environment
    packages = (f"{name} {found}" for name, found in machine.packages.items() if found)
    stack = ", ".join((f"Python {machine.python}", *packages))
    console.print(f"{machine.cpu}, {machine.cores} cores; {stack}.", highlight=False)


def _table(subject: str, figures: Sequence[Figure]) -> Table:
    references = [one for one in REFERENCES if any(one in figure.ratios for figure in figures)]
    title = f"{subject[0].upper()}{subject[1:]}, {figures[0].unit}: medians"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    if references:
        table.caption = "of SOLVER: ratio to its median, with a 99% interval"
    for heading in ("problem", "solver"):
        table.add_column(heading, no_wrap=True)
    for heading in ("median", *(f"of {one}" for one in references)):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("target", ""):
        table.add_column(heading)
    before = None
    for figure in figures:
        table.add_row(
            "" if figure.problem == before else figure.problem,
            figure.solver,
            "-" if figure.median is None else number(figure.median.value),
            *(_ratio(figure.ratios.get(one)) for one in references),
            figure.target or "",
            "" if figure.verdict is None else f"[{_COLOURS[figure.verdict]}]{figure.verdict}[/]",
        )
        before = figure.problem
    return table


def _ratio(ratio: Interval | None) -> str:
    if ratio is None:
        return "-"
    return f"{number(ratio.value)} ({interval(ratio.lo, ratio.hi)})"
