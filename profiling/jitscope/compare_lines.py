"""Which lines convert or compile otherwise in one recording than in another.

Line numbers shift as a file is edited, and two checkouts lie in different folders. So lines are
matched among those of one kind, in functions of one name, in files of one name: in their order,
such that as few as possible differ, and by line number where that leaves a choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from jitscope.recording import PhasesPass, Recording

Change = Literal["added", "gone", "another count", "another size"]
_COMPILING = ("trace", "lower", "compile")
_CHANGED, _ONE_SIDED, _MOVED = 1.0, 1.0, 1e-6


@dataclass(frozen=True)
class Place:
    """What one line did in one recording.

    Attributes
    ----------
    file, line : str or None, int or None
        None of a compile request without a frame of the user's.
    function : str
        Around a conversion; of a compile request the compiled one, as ``jit(f)``.
    kind : str
        As "float(), to host" or "compiled".
    count : int
    bytes : int or None
        None of a compile request.
    cost_ns : float
        To tell costly lines from cheap ones; of compile requests an equal share of what their
        function took to compile.
    """

    file: str | None
    line: int | None
    function: str
    kind: str
    count: int
    bytes: int | None
    cost_ns: float


@dataclass(frozen=True)
class LineChange:
    """A line that differs.

    Attributes
    ----------
    change : {"added", "gone", "another count", "another size"}
    base, head : Place or None
        None where the line is not there.
    """

    change: Change
    base: Place | None
    head: Place | None

    @property
    def cost_ns(self) -> float:
        """The larger of the two costs."""
        return max(0.0 if one is None else one.cost_ns for one in (self.base, self.head))


def changed_lines(base: Recording, head: Recording) -> tuple[LineChange, ...]:
    """Return the lines that differ, costliest first.

    Conversions are compared if both recordings have them, and so are compile requests.
    """
    changes: list[LineChange] = []
    if base.conversions is not None and head.conversions is not None:
        changes += _changes(_conversions(base), _conversions(head))
    runs = (*base.phases[-1:], *head.phases[-1:])
    if len(runs) == 2 and all(map(has_requests, runs)):
        changes += _changes(*map(_requests, runs))
    return tuple(sorted(changes, key=lambda one: -one.cost_ns))


def has_requests(run: PhasesPass) -> bool:
    """Return whether compile requests were recorded: none beside time to compile means not."""
    compiling = ("compile", "cache_load")
    return bool(run.requests) or not any(run.phases_ns.get(phase) for phase in compiling)


def _conversions(recording: Recording) -> list[Place]:
    return _merged(
        Place(
            site.file,
            site.line,
            site.function,
            f"{site.kind}, {site.direction.replace('_', ' ')}",
            site.count,
            site.bytes,
            site.wait_ns + site.copy_ns,
        )
        for site in recording.conversions or ()
    )


def _requests(run: PhasesPass) -> list[Place]:
    compiled = [one for one in run.requests if one.outcome != "memory hit"]
    total: dict[str, int] = {}
    for one in compiled:
        total[one.function] = total.get(one.function, 0) + one.count
    cost_ns = {
        one.name: sum(one.phases_ns.get(phase, 0) for phase in (*_COMPILING, "cache_load"))
        for one in run.functions
    }
    return _merged(
        Place(
            one.file,
            one.line,
            one.function,
            "compiled" if one.outcome == "cold" else "loaded from disk",
            one.count,
            None,
            cost_ns.get(one.function, 0) * one.count / total[one.function],
        )
        for one in compiled
        if one.count
    )


def _merged(places: Iterable[Place]) -> list[Place]:
    """Return one place for each line, kind and function."""
    merged: dict[tuple[str | None, int | None, str, str], Place] = {}
    for one in places:
        key = (one.file, one.line, one.function, one.kind)
        other = merged.get(key)
        if other is not None:
            one = Place(
                *key,
                one.count + other.count,
                None if one.bytes is None else one.bytes + (other.bytes or 0),
                one.cost_ns + other.cost_ns,
            )
        merged[key] = one
    return list(merged.values())


def _changes(base: Iterable[Place], head: Iterable[Place]) -> list[LineChange]:
    groups: dict[tuple[str, str, str], tuple[list[Place], list[Place]]] = {}
    for side, places in enumerate((base, head)):
        for one in places:
            key = (PurePath(one.file or "").name, one.function, one.kind)
            groups.setdefault(key, ([], []))[side].append(one)
    changes: list[LineChange] = []
    for before, after in groups.values():
        for pair in _aligned(sorted(before, key=_order), sorted(after, key=_order)):
            change = _change(*pair)
            if change is not None:
                changes.append(LineChange(change, *pair))
    return changes


def _order(place: Place) -> tuple[str, int]:
    return place.file or "", place.line or 0


def _change(base: Place | None, head: Place | None) -> Change | None:
    if base is None or head is None:
        return "added" if base is None else "gone"
    if base.count != head.count:
        return "another count"
    return None if base.bytes == head.bytes else "another size"


_Pair = tuple[Place | None, Place | None]


def _aligned(base: Sequence[Place], head: Sequence[Place]) -> list[_Pair]:
    """Match two sequences in order with the fewest changes (an edit distance)."""
    rows, columns = len(base), len(head)
    costs = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            if i == rows or j == columns:
                costs[i][j] = (rows - i + columns - j) * _ONE_SIDED
                continue
            together = costs[i + 1][j + 1] + _difference(base[i], head[j])
            apart = min(costs[i + 1][j], costs[i][j + 1]) + _ONE_SIDED
            costs[i][j] = min(together, apart)
    pairs: list[_Pair] = []
    i = j = 0
    while i < rows and j < columns:
        if costs[i][j] == costs[i + 1][j + 1] + _difference(base[i], head[j]):
            pairs.append((base[i], head[j]))
            i, j = i + 1, j + 1
        elif costs[i][j] == costs[i + 1][j] + _ONE_SIDED:
            pairs.append((base[i], None))
            i += 1
        else:
            pairs.append((None, head[j]))
            j += 1
    return pairs + [(one, None) for one in base[i:]] + [(None, one) for one in head[j:]]


def _difference(base: Place, head: Place) -> float:
    changed = _change(base, head) is not None
    return changed * _CHANGED + (_order(base) != _order(head)) * _MOVED
