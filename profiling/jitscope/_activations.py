"""Of how many calls of a function something happened, found out from the frames it happened in.

The number of a frame tells two calls apart only while both run: the next call often gets the
memory of the last one. A frame that is kept would tell, but would keep the caller's variables
alive. So a mark goes into the frame itself, which dies with it: into `f_trace`, the one place of a
frame that takes any object. Python reads it only for a tracer (`sys.settrace`), and calls it then.
"""

from collections import Counter
from collections.abc import Hashable
from types import FrameType

_INLINED = frozenset(("<listcomp>", "<setcomp>", "<dictcomp>"))


class _Mark:
    __slots__ = ("owner", "sites")

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.sites: set[Hashable] = set()

    def __call__(self, *_event: object) -> "_Mark":
        return self  # what a tracer calls that meets the mark all the same


class Activations:
    """Counts, for each site, the calls that came by it."""

    def __init__(self) -> None:
        self._calls: Counter[Hashable] = Counter()
        self._traced: set[Hashable] = set()
        # Not `self`: a generator that nobody goes on with keeps its mark.
        self._owner = object()

    def note(self, frame: FrameType, site: Hashable) -> None:
        """Count the call that a frame belongs to, once for each site.

        Parameters
        ----------
        frame : FrameType
            As `function_frame` returns it.
        site : hashable
        """
        mark = frame.f_trace
        if not isinstance(mark, _Mark) or mark.owner is not self._owner:
            if mark is not None and not isinstance(mark, _Mark):
                self._traced.add(site)  # a debugger's, which is not ours to replace
                return
            mark = frame.f_trace = _Mark(self._owner)
        if site not in mark.sites:
            mark.sites.add(site)
            self._calls[site] += 1

    def calls(self, site: Hashable) -> int | None:
        """Return the number of calls; None if a tracer kept them from being counted."""
        return None if site in self._traced else self._calls[site]

    def forget(self, frame: FrameType | None) -> None:
        """Take the marks away from a frame and those that called it."""
        while frame is not None:
            if isinstance(frame.f_trace, _Mark):
                frame.f_trace = None
            frame = frame.f_back


def function_frame(frame: FrameType) -> FrameType:
    """Return the frame of the function that a frame belongs to.

    Up to Python 3.11 a comprehension has a frame of its own; from 3.12 on it has none.
    """
    while frame.f_code.co_name in _INLINED and frame.f_back is not None:
        frame = frame.f_back
    return frame
