"""A small line of a history as the points of an SVG: what it was, and where it is now."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 150.0
HEIGHT = 30.0
_MARGIN = 3.0


@dataclass(frozen=True)
class Sparkline:
    """Places in a box of `width` by `height`, y downwards.

    Attributes
    ----------
    width, height : float
    line : str
        Points of the polyline.
    band : str
        Points of the polygon between the ends of the intervals; empty without intervals.
    last : tuple of (float, float) or None
        The newest value.
    failed : tuple of float
        x of the commits that gave no value.
    low, high : float or None
        The values at the bottom and at the top; None: there are none.
    """

    width: float
    height: float
    line: str
    band: str
    last: tuple[float, float] | None
    failed: tuple[float, ...]
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Value:
    """One commit: its value and interval, None where it has none."""

    value: float | None
    lo: float | None = None
    hi: float | None = None


def sparkline(
    values: Sequence[Value], *, width: float = WIDTH, height: float = HEIGHT
) -> Sparkline:
    """Draw one line.

    Parameters
    ----------
    values : sequence of Value
        Oldest first.
    width, height : float
        Of the box.

    Returns
    -------
    Sparkline
        Of more commits than pixels, the lowest and the highest of each pixel are kept.
    """
    known = [(i, v) for i, v in enumerate(values) if v.value is not None]
    step = (width - 2 * _MARGIN) / max(1, len(values) - 1)

    def x(i: float) -> float:
        return round(_MARGIN + i * step, 1)

    failed = tuple(dict.fromkeys(x(i) for i, v in enumerate(values) if v.value is None))
    if not known:
        return Sparkline(width, height, "", "", None, failed, None, None)
    low, high = _span([v for _, v in known])

    def y(value: float) -> float:
        share = 0.5 if high == low else (value - low) / (high - low)
        return round(height - _MARGIN - share * (height - 2 * _MARGIN), 1)

    thinned = _thinned([(x(i), _of(v.value)) for i, v in known])
    bounded = [(x(i), v.lo, v.hi) for i, v in known if v.lo is not None and v.hi is not None]
    upper = [(place, y(_of(hi))) for place, _, hi in bounded]
    lower = [(place, y(_of(lo))) for place, lo, _ in reversed(bounded)]
    last, newest = known[-1]
    return Sparkline(
        *(width, height),
        _points((place, y(value)) for place, value in thinned),
        _points([*upper, *lower]) if len(bounded) > 1 else "",
        (x(last), y(_of(newest.value))),
        failed,
        *(low, high),
    )


def _of(value: float | None) -> float:
    assert value is not None
    return value


def _span(values: Sequence[Value]) -> tuple[float, float]:
    ends = [e for v in values for e in (v.value, v.lo, v.hi) if e is not None and math.isfinite(e)]
    return min(ends), max(ends)


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def _thinned(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The lowest and the highest of each pixel's values, and the last of all."""
    by_pixel: dict[int, list[tuple[float, float]]] = {}
    for place in places:
        by_pixel.setdefault(int(place[0]), []).append(place)
    kept: list[tuple[float, float]] = []
    for members in by_pixel.values():
        ends = {min(members, key=lambda p: p[1]), max(members, key=lambda p: p[1])}
        kept += [place for place in members if place in ends] if len(members) > 2 else members
    return kept if not kept or kept[-1] == places[-1] else [*kept, places[-1]]
