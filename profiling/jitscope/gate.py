"""Compare a commit with its base for a build: `jitscope gate`.

Counters are exact, so one that regressed fails the build. Times depend on the machine's load: they
are reported, and fail it only where that is asked for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from jitscope import adapters
from jitscope._git import resolve_commit, run_git
from jitscope.errors import UserError
from jitscope.history import History, read_history
from jitscope.lineage import same_solver
from jitscope.noise import Noise, noises_of
from jitscope.series import Point, Series, series_of
from jitscope.verdicts import Judgement, Verdict, judge

Outcome = Literal["passed", "failed", "nothing to compare"]
EXIT_CODES: Mapping[Outcome, int] = {"passed": 0, "failed": 1, "nothing to compare": 2}


@dataclass(frozen=True)
class Row:
    """One series at base and head."""

    series: Series
    base: Point
    head: Point
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        """The judgement's."""
        return self.judgement.verdict


@dataclass(frozen=True)
class Gate:
    """How a commit compares with its base.

    Attributes
    ----------
    base, head : str
        Full hashes.
    subject : str
        First line of the head's message.
    counters, times : tuple of Row
        Every series that was measured at the head, or failed there; `times` holds all that is no
        counter.
    judge_times : bool
        Whether times may fail the build.
    notes : tuple of str
        What stood in for what, and what could not be compared; a sentence each.
    """

    base: str
    head: str
    subject: str
    counters: tuple[Row, ...]
    times: tuple[Row, ...]
    judge_times: bool
    notes: tuple[str, ...]

    @property
    def failing(self) -> tuple[Row, ...]:
        """What fails the build: regressions, and what has no value although the base has one."""
        judged = (*self.counters, *(self.times if self.judge_times else ()))
        return tuple(
            row
            for row in judged
            if row.verdict == "regressed" or (row.verdict == "errored" and row.base.status == "ok")
        )

    @property
    def outcome(self) -> Outcome:
        """Whether the build may go on."""
        if self.failing:
            return "failed"
        judged = (*self.counters, *(self.times if self.judge_times else ()))
        known = any(row.verdict in ("improved", "unchanged") for row in judged)
        return "passed" if known else "nothing to compare"


def compare_revisions(history: History, base: str, head: str, *, judge_times: bool = False) -> Gate:
    """Compare two commits of one line in every setup that measured the head.

    Parameters
    ----------
    history : History
        Of a line that holds both.
    base, head : str
        Full hashes.
    judge_times : bool
        Whether times may fail the build.

    Returns
    -------
    Gate
    """
    commits = history.commits.to_dict("records")
    ancestry = {row["commit"]: row["parent"] for row in commits}
    trees = {row["commit"]: row["solver"] for row in commits}
    stands_for = same_solver(base, ancestry, trees)
    series = series_of(history)
    noises = noises_of(series)
    rows = tuple(
        row for one in series if (row := _row(one, stands_for, head, noises[one.key])) is not None
    )
    subject = next((row["subject"] for row in commits if row["commit"] == head), "")
    return Gate(
        *(base, head, subject),
        tuple(row for row in rows if row.series.is_counter),
        tuple(row for row in rows if not row.series.is_counter),
        judge_times,
        tuple(_notes(rows, base, head)),
    )


def _notes(rows: Sequence[Row], base: str, head: str) -> Iterator[str]:
    if not rows:
        yield _to_measure("commit", head)
    elif all(row.verdict == "missing base" for row in rows):
        yield _to_measure("base", base)
    for commit in dict.fromkeys(row.base.commit for row in rows if row.base.value is not None):
        if commit != base:
            yield f"{commit[:8]} holds the same solver as {base[:8]} and stands for it."


def _to_measure(what: str, commit: str) -> str:
    return (
        f"The {what} {commit[:8]} was not measured on this machine in this environment: run "
        f"`make history RANGE={commit[:8]}`."
    )


def _row(series: Series, bases: Sequence[str], head: str, noise: Noise) -> Row | None:
    """Judge one series; None if the head was not measured, or another solver was."""
    at_head = series.at(head)
    if at_head is None or at_head.status in ("missing", "skipped"):
        return None
    if series.key.parameter("solver") in adapters.PEERS:
        return None
    points = [point for commit in bases if (point := series.at(commit)) is not None]
    base = next((point for point in points if point.status != "missing"), points[0])
    judged = judge(base, at_head, noise=noise, counter=series.is_counter)
    return Row(series, base, at_head, judged)


def run(args: argparse.Namespace) -> int:
    """Gate a commit: what `jitscope gate` does."""
    from jitscope.report.gate_summary import summary_of

    root: Path = args.root
    head = resolve_commit(root, args.head)
    asked = resolve_commit(root, args.base)
    history = read_history(root, head=head)
    base = asked
    if asked not in set(history.commits["commit"]):
        base = _merge_base(root, asked, head, history)
    gate = compare_revisions(history, base, head, judge_times=args.times)
    if base != asked:
        note = (
            f"{asked[:8]} is no ancestor of {head[:8]}: compared with {base[:8]}, where they part."
        )
        gate = replace(gate, notes=(note, *gate.notes))
    text = summary_of(gate)
    if args.summary is None:
        print(text)
    else:
        _write(args.summary, text)
    print(f"Gate of {head[:8]} against {base[:8]}: {gate.outcome}.", file=sys.stderr)
    return EXIT_CODES[gate.outcome]


def _merge_base(root: Path, asked: str, head: str, history: History) -> str:
    parted = run_git(root, "merge-base", asked, head).strip()
    if parted not in set(history.commits["commit"]):
        raise UserError(
            f"{asked[:8]} and {head[:8]} part at {parted[:8]}, which is not on the first-parent "
            "line of the latter: name a base that is."
        )
    return parted


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"The summary cannot be written to {path} ({error}).") from error
