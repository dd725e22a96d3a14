"""A stack of nested spans that splits one interval into exclusive slices.

Every reading of the clock ends one slice and starts the next, so the slices add up to the
whole interval exactly, whatever is nested in what.
"""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Frame:
    """An open span: what its own time is charged to, and how much of it there is so far.

    Attributes
    ----------
    phase, stage : str
        Charged with the time during which no inner span is open.
    counted : bool
        Whether it counts as an entry of its phase.
    own_ns : int
        Exclusive time so far, in nanoseconds.
    """

    __slots__ = ("counted", "own_ns", "phase", "stage")

    def __init__(self, phase: str, stage: str, counted: bool) -> None:
        self.phase = phase
        self.stage = stage
        self.counted = counted
        self.own_ns = 0


class SpanStack:
    """Nested spans over one interval of one thread.

    Parameters
    ----------
    clock : callable
        Returns integer nanoseconds that never decrease.
    phase : str
        Charged with the time outside every span.

    Attributes
    ----------
    slices_ns : dict
        Exclusive nanoseconds by ``(stage, phase)``, of the spans closed so far.
    entries : collections.Counter
        How many of the closed spans count as entries of each phase.
    """

    def __init__(self, clock: Callable[[], int], phase: str) -> None:
        self.slices_ns: dict[tuple[str, str], int] = {}
        self.entries: Counter[str] = Counter()
        self._clock = clock
        self._root = Frame(phase, "", counted=False)
        self._frames = [self._root]
        self._start_ns = self._mark_ns = 0

    def start(self) -> None:
        """Start the interval."""
        self._start_ns = self._mark_ns = self._clock()

    @property
    def phase(self) -> str:
        """The phase of the innermost open span."""
        return self._frames[-1].phase

    def open(
        self, phase: str | None = None, stage: str | None = None, *, counted: bool = True
    ) -> Frame:
        """Open a span; what is not given is taken from the span around it."""
        outer = self._frames[-1]
        self._charge(outer)
        frame = Frame(
            outer.phase if phase is None else phase,
            outer.stage if stage is None else stage,
            counted and phase is not None,
        )
        self._frames.append(frame)
        return frame

    def close(self, frame: Frame, phase: str | None = None) -> int:
        """Close a span and those left open inside it; return its exclusive nanoseconds.

        Parameters
        ----------
        frame : Frame
            What `open` returned. One that is closed already is left alone.
        phase : str, optional
            Charge another phase than the one that it was opened with.
        """
        if frame is not self._frames[-1] and frame not in self._frames:
            return frame.own_ns
        self._charge(self._frames[-1])
        if phase is not None:
            frame.phase = phase
        while self._settle(self._frames.pop()) is not frame:
            pass
        return frame.own_ns

    def run(self, phase: str, function: Callable[[], T], *, counted: bool = True) -> T:
        """Return ``function()``, charged to a phase except for the spans inside it."""
        frame = self.open(phase, counted=counted)
        try:
            return function()
        finally:
            self.close(frame)

    def finish(self) -> int:
        """Close everything and return the length of the interval in nanoseconds."""
        self.close(self._root)
        return self._mark_ns - self._start_ns

    def _charge(self, frame: Frame) -> None:
        now_ns = self._clock()
        frame.own_ns += now_ns - self._mark_ns
        self._mark_ns = now_ns

    def _settle(self, frame: Frame) -> Frame:
        key = (frame.stage, frame.phase)
        self.slices_ns[key] = self.slices_ns.get(key, 0) + frame.own_ns
        self.entries[frame.phase] += frame.counted
        return frame
