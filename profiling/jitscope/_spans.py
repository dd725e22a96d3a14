"""A stack of nested spans that splits one interval into exclusive slices.

Every reading of the clock ends one slice and starts the next, so the slices add up to the
whole interval exactly, whatever is nested in what.
"""

from collections import Counter
from collections.abc import Callable


class Frame:
    """An open span: what its own time is charged to, and how much of it there is so far.

    Attributes
    ----------
    phase, stage, function : str
        Charged with the time during which no inner span is open.
    counted : bool
        Whether it counts as an entry of its phase.
    own_ns : int
        Exclusive time so far, in nanoseconds.
    """

    __slots__ = ("counted", "function", "own_ns", "phase", "stage")

    def __init__(self, phase: str, stage: str, function: str, counted: bool) -> None:
        self.phase = phase
        self.stage = stage
        self.function = function
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
        Exclusive nanoseconds by ``(stage, phase, function)``, of the spans closed so far.
    trail : Trail or None
        The slices one after the other, if somebody wants them.
    entries : collections.Counter
        How many of the closed spans count as entries of each phase.
    """

    def __init__(self, clock: Callable[[], int], phase: str, trail: "Trail | None" = None) -> None:
        self.slices_ns: dict[tuple[str, str, str], int] = {}
        self.trail = trail
        self.entries: Counter[str] = Counter()
        self._clock = clock
        self._root = Frame(phase, "", "", counted=False)
        self._frames = [self._root]
        self._start_ns = self._mark_ns = 0

    def start(self) -> int:
        """Start the interval; return the clock."""
        self._start_ns = self._mark_ns = self._clock()
        return self._start_ns

    @property
    def phase(self) -> str:
        """The phase of the innermost open span."""
        return self._frames[-1].phase

    @property
    def function(self) -> str:
        """The function of the innermost open span."""
        return self._frames[-1].function

    def open(
        self,
        phase: str | None = None,
        stage: str | None = None,
        function: str | None = None,
        counted: bool = True,
    ) -> Frame:
        """Open a span; what is not given is taken from the span around it."""
        frames = self._frames
        outer = frames[-1]
        self._charge(outer)
        frame = Frame(
            outer.phase if phase is None else phase,
            outer.stage if stage is None else stage,
            outer.function if function is None else function,
            counted and phase is not None,
        )
        frames.append(frame)
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
        if phase is not None:
            frame.phase = phase
        self._charge(self._frames[-1])
        while self._settle(self._frames.pop()) is not frame:
            pass
        return frame.own_ns

    def finish(self) -> int:
        """Close everything and return the length of the interval in nanoseconds."""
        self.close(self._root)
        return self._mark_ns - self._start_ns

    def _charge(self, frame: Frame) -> None:
        mark_ns = self._mark_ns
        self._mark_ns = now_ns = self._clock()
        frame.own_ns += now_ns - mark_ns
        if self.trail is not None:
            self.trail.add(mark_ns, now_ns, frame)

    def _settle(self, frame: Frame) -> Frame:
        key = (frame.stage, frame.phase, frame.function)
        self.slices_ns[key] = self.slices_ns.get(key, 0) + frame.own_ns
        self.entries[frame.phase] += frame.counted
        return frame


class Trail:
    """Slices in order of time, of which the longest are kept.

    Parameters
    ----------
    most : int
        How many are kept; up to twice as many are held meanwhile.

    Attributes
    ----------
    slices : list of tuple
        ``(start_ns, end_ns, phase, function)`` by the clock.
    dropped : int
        How many shorter ones there were besides.
    """

    def __init__(self, most: int) -> None:
        self.slices: list[tuple[int, int, str, str]] = []
        self.dropped = 0
        self._most = most

    def add(self, start_ns: int, end_ns: int, frame: Frame) -> None:
        """Add a slice of a frame; one that goes on where the last one ended continues it."""
        if end_ns == start_ns:
            return
        slices, phase, function = self.slices, frame.phase, frame.function
        if slices:
            last_start_ns, last_end_ns, last_phase, last_function = slices[-1]
            if last_phase == phase and last_function == function and last_end_ns == start_ns:
                slices[-1] = (last_start_ns, end_ns, phase, function)
                return
        slices.append((start_ns, end_ns, phase, function))
        if len(slices) >= 2 * self._most:
            self.prune()

    def prune(self) -> None:
        """Let go of the shortest slices that are too many."""
        surplus = len(self.slices) - self._most
        if surplus <= 0:
            return
        lengths = sorted(end - start for start, end, _, _ in self.slices)
        limit = lengths[surplus - 1]
        allowed = surplus - sum(length < limit for length in lengths[:surplus])
        kept: list[tuple[int, int, str, str]] = []
        for one in self.slices:
            length = one[1] - one[0]
            if length < limit:
                continue
            if length == limit and allowed > 0:
                allowed -= 1
                continue
            kept.append(one)
        self.dropped += len(self.slices) - len(kept)
        self.slices = kept
