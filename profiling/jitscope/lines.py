"""The time of every line of a solver's Python driver, joined with the conversions it makes.

Times come from `line_profiler`, which adds about 0.2 µs to each line that runs: read them as
shares. The lines and the conversions are recorded in two passes, each in a process of its own
(a conversion hook would show up as time of the line), and joined on file and line number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitscope.conversions import ConversionSite


@dataclass(frozen=True)
class LineTime:
    """What one source line cost in the recorded run.

    Attributes
    ----------
    file : str
        Absolute path with symbolic links resolved.
    line : int
        Number of the line, from 1.
    function : str
        Function that the line belongs to.
    hits : int
        How often the line ran.
    time_ns : int
        Time spent in the line, calls included, with the line profiler's own cost.
    source : str
        Text of the line without its indentation and line end.
    """

    file: str
    line: int
    function: str
    hits: int
    time_ns: int
    source: str


@dataclass(frozen=True)
class AnnotatedLine:
    """A line's time beside the conversions that the line forced.

    Attributes
    ----------
    time : LineTime
    to_host, to_device : int
        Arrays converted by the line in each direction, over the whole recorded call.
    wait_ns, copy_ns : int
        Time that those conversions waited for the device, and copied.
    is_shared : bool
        Whether other functions ran code of the same line: each has a row of its own, and the time
        of one that calls another holds that other's.
    """

    time: LineTime
    to_host: int
    to_device: int
    wait_ns: int
    copy_ns: int
    is_shared: bool = False

    @property
    def source(self) -> str:
        """Text of the line, after the function's name where the line holds several."""
        return f"{self.time.function}: {self.time.source}" if self.is_shared else self.time.source


def record_lines(call: Callable[[], object], modules: Iterable[str]) -> tuple[LineTime, ...]:
    """Run a call once under line_profiler.

    Parameters
    ----------
    call : callable
        Called without arguments, once.
    modules : iterable of str
        Names of the modules whose Python functions are followed. Bodies of jitted functions
        are not: they run once a trace, in XLA afterwards.

    Returns
    -------
    tuple of LineTime
        The lines that ran, in the order of file and line.
    """
    from jitscope.following import Follower

    follower = Follower(modules)
    with follower.following():
        call()
    return follower.lines()


def annotate(
    lines: Sequence[LineTime], sites: Sequence[ConversionSite]
) -> tuple[AnnotatedLine, ...]:
    """Join lines with the conversions recorded in another pass, on real path, line and function.

    Parameters
    ----------
    lines : sequence of LineTime
    sites : sequence of ConversionSite

    Returns
    -------
    tuple of AnnotatedLine
        One for each of `lines`, in their order. A site belongs to one of them alone: of a line that
        several functions share, to that of its function, or to the costliest.
    """
    by_line: dict[tuple[str, int], list[int]] = {}
    for place, time in enumerate(lines):
        by_line.setdefault((time.file, time.line), []).append(place)
    by_place: dict[int, list[ConversionSite]] = {}
    for site in sites:
        here = by_line.get((os.path.realpath(site.file), site.line), [])
        own = [place for place in here if lines[place].function == _name(site)]
        if here:
            chosen = max(own or here, key=lambda place: lines[place].time_ns)
            by_place.setdefault(chosen, []).append(site)

    def joined(place: int, time: LineTime) -> AnnotatedLine:
        here = by_place.get(place, [])
        sharing = by_line[time.file, time.line]
        return AnnotatedLine(
            time=time,
            to_host=sum(s.count for s in here if s.direction == "to_host"),
            to_device=sum(s.count for s in here if s.direction == "to_device"),
            wait_ns=sum(s.wait_ns for s in here),
            copy_ns=sum(s.copy_ns for s in here),
            # By row, not by name: a lambda may stand within another.
            is_shared=sum(lines[other].function != "<module>" for other in sharing) > 1,
        )

    return tuple(joined(place, time) for place, time in enumerate(lines))


def _name(site: ConversionSite) -> str:
    """Return the name of a site's function as line_profiler has it."""
    return site.function.rpartition(".")[2]


def per_hit(site: ConversionSite, lines: Sequence[LineTime] | None) -> float | None:
    """Return how many conversions a line makes each time it runs, as in each turn of a loop.

    Parameters
    ----------
    site : ConversionSite
    lines : sequence of LineTime or None
        Of another pass over the same program.

    Returns
    -------
    float or None
        The average; None if the line was not followed.
    """
    for one in lines or ():
        if (one.line, one.function) == (site.line, _name(site)) and one.file == site.file:
            return site.count / one.hits if one.hits else None
    return None
