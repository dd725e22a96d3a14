"""What was found in the measured planted history, beside what was planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from asv_runner.statistics import compute_stats
from jitscope.history import PHASE_BENCHMARK
from jitscope.noise import noises_of
from jitscope.series import Point, Series
from jitscope.steps import steps_of

from .repository import HISTORY, Cell, Planted

COUNTED = ("found", "missed", "flagged", "quiet")
Finds = Mapping[tuple[str, Cell], str]
"""Commit and cell -> verdict of the step found there."""


@dataclass(frozen=True)
class Row:
    """How one planted commit fared, in cells: series that it was judged in.

    Attributes
    ----------
    planted : Planted
    found, missed : tuple of Cell
        Of those that had to step here.
    flagged : tuple of Cell
        That stepped and had no reason to, or in the wrong direction.
    quiet : int
        Cells that rightly did not step.
    """

    planted: Planted
    found: tuple[Cell, ...]
    missed: tuple[Cell, ...]
    flagged: tuple[Cell, ...]
    quiet: int


def cell_of(series: Series) -> Cell:
    """Return the cell of a series."""
    if series.key.benchmark == PHASE_BENCHMARK:
        return series.key.parameter("condition") or "", series.key.parameter("phase") or ""
    return series.unit, series.key.parameter("direction") or ""


def find(series: Sequence[Series]) -> Finds:
    """Find the steps of all series by the means of the pages."""
    noises = noises_of(series)
    return {
        (step.commit, cell_of(one)): step.judgement.verdict
        for one in series
        for step in steps_of(one, noises.get(one.key))
    }


def compare(commits: Sequence[str], cells: Iterable[Cell], found: Finds) -> tuple[Row, ...]:
    """Set what was found beside what was planted, commit by commit."""
    known = sorted(set(cells))
    return tuple(
        _row(planted, {cell: found.get((commit, cell)) for cell in known})
        for commit, planted in zip(commits, HISTORY, strict=True)
    )


def _row(planted: Planted, verdicts: Mapping[Cell, str | None]) -> Row:
    absent = planted.steps.keys() - verdicts.keys()
    assert not absent, f"{planted.subject}: nothing was measured of {absent}"
    found = tuple(cell for cell, wanted in planted.steps.items() if verdicts[cell] == wanted)
    missed = tuple(cell for cell in planted.steps if cell not in found)
    judged = {
        cell: verdict
        for cell, verdict in verdicts.items()
        if cell not in planted.steps and cell not in planted.follows
    }
    flagged = tuple(cell for cell, verdict in judged.items() if verdict is not None)
    turned = tuple(cell for cell in missed if verdicts[cell] is not None)
    return Row(planted, found, missed, (*flagged, *turned), len(judged) - len(flagged))


def resampled(series: Sequence[Series], rng: np.random.Generator) -> tuple[Series, ...]:
    """Draw the samples of every commit anew from its own, with replacement.

    One draw of runs for all figures of a commit: they were measured together.
    """
    draws: dict[str, np.ndarray] = {}

    def drawn(point: Point) -> Point:
        n = len(point.samples)
        if n < 2:
            return point  # a counter
        order = draws.setdefault(f"{point.commit} {n}", rng.integers(0, n, n))
        samples = tuple(point.samples[place] for place in order)
        _, stats = compute_stats(samples, 1)
        assert stats is not None
        return point._replace(
            value=float(np.median(samples)),
            samples=samples,
            lo=stats["ci_99_a"],
            hi=stats["ci_99_b"],
        )

    return tuple(replace(one, points=tuple(map(drawn, one.points))) for one in series)


def table(runs: Sequence[Sequence[Row]]) -> str:
    """Return the confusion table of runs of the same history, in Markdown."""
    lines = ["| planted | commits | steps found | steps missed | flagged wrongly | rightly quiet |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    kinds = dict.fromkeys(planted.kind for planted in HISTORY)
    for kind in kinds:
        commits = sum(planted.kind == kind for planted in HISTORY)
        counts = _counts(row for rows in runs for row in rows if row.planted.kind == kind)
        lines.append(f"| {kind} | {commits} | " + " | ".join(map(str, counts)) + " |")
    counts = _counts(row for rows in runs for row in rows)
    lines.append(f"| all | {len(HISTORY)} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def _counts(rows: Iterable[Row]) -> Iterator[int]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update(
            found=len(row.found), missed=len(row.missed), flagged=len(row.flagged), quiet=row.quiet
        )
    return (total[name] for name in COUNTED)
