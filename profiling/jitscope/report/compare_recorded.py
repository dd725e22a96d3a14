"""Recordings and sessions of two commits, compared line by line and scope by scope.

They lie in ``results/sessions``: sessions that `make profile` wrote, and recordings that
``jitscope run --output`` put there. One of a working tree with uncommitted changes stands for that
working tree.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitscope.compare_lines import LineChange, Place
from jitscope.compare_recordings import CounterRow, TimeRow, compare
from jitscope.errors import UserError
from jitscope.recorded import DevicePass
from jitscope.recording import Recording
from jitscope.recordings import load_recording
from jitscope.report.rendering import shortened
from jitscope.session import Session, load_session
from jitscope.session_recordings import calls_of

NEWEST = 24
"""Recordings that are compared with each other: the newest, as pairs grow with the square."""


@dataclass(frozen=True)
class Recorded:
    """One recording and what it is of.

    Attributes
    ----------
    subject : str
        The problem, or the program's command.
    recording : Recording
    """

    subject: str
    recording: Recording

    @property
    def side(self) -> str | None:
        """The commit's full hash, or "HASH+" of a working tree; None: not in git."""
        environment = self.recording.environment
        return environment.commit and environment.commit + ("+" if environment.modified else "")


def read_recorded(folder: Path) -> tuple[Recorded, ...]:
    """Read what can be read, newest last; damaged files and other data are passed over."""
    found = [one for path in sorted(folder.glob("*.json")) for one in _read(path)]
    known = [one for one in found if one.side is not None]
    return tuple(sorted(known, key=lambda one: one.recording.created_utc)[-NEWEST:])


def _read(path: Path) -> Iterator[Recorded]:
    try:
        session = load_session(path)
    except UserError:
        pass
    else:
        yield from _of_session(session)
        return
    try:
        recording = load_recording(path)
    except UserError:
        return
    yield Recorded(" ".join(recording.command), recording)


def _of_session(session: Session) -> Iterator[Recorded]:
    for one in calls_of(session):
        yield Recorded(f"{one.problem}, {one.solver}, {one.call}", one.recording)


def comparisons_of(recorded: Sequence[Recorded]) -> list[dict[str, Any]]:
    """Compare every two recordings of one subject whose sides differ, the newest of each side.

    Parameters
    ----------
    recorded : sequence of Recorded
        Newest last.

    Returns
    -------
    list of dict
        "base" and "to" (sides), "subject", "notes", "times", "counters", "lines", "scopes".
    """
    newest = {(one.subject, one.side): one for one in recorded}
    return [
        _compared(a, b)
        for a, b in itertools.permutations(newest.values(), 2)
        if a.subject == b.subject and a.side != b.side
    ]


def _compared(a: Recorded, b: Recorded) -> dict[str, Any]:
    found = compare(a.recording, b.recording)
    return {
        "base": a.side,
        "to": b.side,
        "subject": b.subject,
        "notes": list(found.notes),
        "times": [_time(row) for row in found.times],
        "counters": [_counter(row) for row in found.counters],
        "lines": [_line(change) for change in found.lines],
        "scopes": list(_scopes(a.recording.device, b.recording.device)),
    }


def _time(row: TimeRow) -> dict[str, Any]:
    return {
        "name": row.name.replace("_", " "),
        "base": None if row.base_ns is None else row.base_ns.value / 1e6,
        "to": None if row.head_ns is None else row.head_ns.value / 1e6,
        "verdict": row.verdict,
        "why": row.why,
    }


def _counter(row: CounterRow) -> dict[str, Any]:
    return {
        **{"name": row.name, "base": row.base, "to": row.head},
        **{"verdict": row.verdict, "why": row.why},
    }


def _line(change: LineChange) -> dict[str, Any]:
    here = change.head or change.base
    assert here is not None
    file = "no line of yours" if here.file is None else f"{shortened(here.file)}:{here.line}"
    return {
        **{"place": file, "function": here.function, "kind": here.kind},
        **{"base": _count(change.base), "to": _count(change.head), "change": change.change},
    }


def _count(place: Place | None) -> int:
    return 0 if place is None else place.count


def _scopes(a: DevicePass | None, b: DevicePass | None) -> Iterable[dict[str, Any]]:
    """Device time of each scope, where both were recorded; the largest change first."""
    if a is None or b is None:
        return ()
    before = {one.scope: one.time_ns / 1e6 for one in a.scopes}
    after = {one.scope: one.time_ns / 1e6 for one in b.scopes}
    rows = [
        {"name": name or "no scope", "base": before.get(name), "to": after.get(name)}
        for name in dict.fromkeys((*before, *after))
    ]
    return sorted(rows, key=lambda row: -abs((row["to"] or 0.0) - (row["base"] or 0.0)))
