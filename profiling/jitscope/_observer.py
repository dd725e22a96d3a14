"""What the hooks see, turned into spans, compiled modules and requests."""

import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from jitscope._callers import Callers
from jitscope._spans import Frame, SpanStack
from jitscope.recorded import Outcome, ThreadTime
from jitscope.requests import Requests, Signature

FastCall = Callable[[Any, Any], tuple[Any, bool]]
"""What `jitscope._jax_dispatch.watched_dispatch` says of a call on the fast path."""
COMPILE_PHASES = frozenset({"trace", "lower", "compile", "cache_load"})


@dataclass(frozen=True)
class CompiledModule:
    """One module that was compiled, or loaded from the persistent cache.

    Attributes
    ----------
    fun_name : str
        Name of the jitted function (of the primitive, for an operation outside jit).
    trace_ns, lower_ns : int or None
        Exclusive nanoseconds; None if that step did not run during the recording.
    compile_ns : int
        Exclusive nanoseconds of the compilation, or of loading.
    cache_hit : bool
        Whether it came from the persistent cache.
    """

    fun_name: str
    trace_ns: int | None
    lower_ns: int | None
    compile_ns: int
    cache_hit: bool


class Observer:
    """Turns what the hooks see into spans, compiled modules and requests.

    Parameters
    ----------
    stack : SpanStack
    wait, wait_for : callable
        Wait for arrays; for one.
    signature_of : callable
        As `jitscope._jax_calls.signature_of`.
    callers : Callers

    """

    def __init__(
        self,
        stack: SpanStack,
        wait: Callable[[Any], None],
        wait_for: Callable[[Any], None],
        signature_of: Callable[[FrameType, str], Signature | None],
        callers: Callers,
    ) -> None:
        self.modules: list[CompiledModule] = []
        self.requests = Requests()
        self.executions: Counter[str] = Counter()
        self._signature_of = signature_of
        self._callers = callers
        self._lowered: dict[str, Signature | None] = {}
        self._stack = stack
        self._wait, self._wait_for = wait, wait_for
        self._steps: list[Frame] = []
        self._pending_ns: dict[tuple[str, str], int] = {}
        self._hit = False
        self._executed = 0
        self._converting = False

    def begin(self, step: str, name: str) -> None:
        """Called by the hooks."""
        self._steps.append(self._stack.open(step, function=f"jit({name})"))
        if step == "lower":
            # Ahead of time, the compilation comes later, and shows no longer what it is of.
            self._lowered[name] = self._signature_of(sys._getframe(1), name)  # pyright: ignore[reportPrivateUsage]

    def end(self, step: str, name: str) -> None:
        """Called by the hooks."""
        # A step that began before the recording ends without a beginning.
        if not self._steps or self._steps[-1].phase != step:
            return
        frame = self._steps.pop()
        if step != "compile":
            own_ns = self._stack.close(frame)
            self._pending_ns[step, name] = self._pending_ns.get((step, name), 0) + own_ns
            return
        hit, self._hit = self._hit, False
        own_ns = self._stack.close(frame, "cache_load" if hit else None)
        trace_ns = self._pending_ns.pop(("trace", name), None)
        lower_ns = self._pending_ns.pop(("lower", name), None)
        self.modules.append(CompiledModule(name, trace_ns, lower_ns, own_ns, hit))
        taken_ns = (trace_ns or 0) + (lower_ns or 0) + own_ns
        self._request(name, "disk hit" if hit else "cold", taken_ns)

    def _request(self, name: str, outcome: Outcome, taken_ns: int) -> None:
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        lowered = self._lowered.pop(name, None)
        signature = self._signature_of(frame, name) or lowered
        self.requests.add(f"jit({name})", self._callers.find(frame), outcome, signature, taken_ns)

    def cache_hit(self) -> None:
        """Called by the hooks."""
        self._hit = True

    def find_jaxpr(self, name: str, find: Callable[..., Any], *args: Any) -> Any:
        """Called by the hooks."""
        stack = self._stack
        # A function that is jitted inside a traced one is traced, not called.
        if stack.phase in COMPILE_PHASES:
            return find(*args)
        frame = stack.open("dispatch", None, name, False)
        try:
            return find(*args)
        finally:
            stack.close(frame)

    def call(self, name: str, run: Callable[..., Any], *args: Any) -> Any:
        """Called by the hooks."""
        stack = self._stack
        if stack.phase in COMPILE_PHASES:
            return run(*args)
        compiled, executed = len(self.modules), self._executed
        frame = stack.open("dispatch", None, name, False)
        try:
            outputs = run(*args)
            # A derivative or a loop may be traced right here, which executes nothing.
            if self._executed > executed and not self._compiled(name, compiled):
                place = self._callers.find(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
                self.requests.add_hit(name, place)
            return outputs
        finally:
            stack.close(frame)

    def _compiled(self, name: str, before: int) -> bool:
        if len(self.modules) == before:
            return False
        # Arguments may have compiled something, too: what counts is the call's own module.
        return any(name == f"jit({one.fun_name})" for one in self.modules[before:])

    def execute(self, name: str, run: Callable[..., Any], *args: Any) -> Any:
        """Called by the hooks."""
        # Its own name: while a function is traced, operations on constants are executed.
        self.executions[name] += 1
        self._executed += 1
        frame = self._stack.open("dispatch", None, name)
        try:
            outputs = run(*args)
            self._wait_for_all(outputs)
        finally:
            self._stack.close(frame)
        return outputs

    def execute_fast(self, name: str, run: FastCall, args: Any, params: Any) -> Any:
        """Called by the hooks."""
        frame = self._stack.open("dispatch", None, name, False)
        try:
            outputs, executed = run(args, params)
            if executed:
                frame.counted = True
                self.executions[name] += 1
                self._executed += 1
                self._wait_for_all(outputs)
        finally:
            self._stack.close(frame)
        return outputs

    def handle_arguments(self, handle: Callable[..., Any], *args: Any) -> Any:
        """Called by the hooks."""
        frame = self._stack.open("to_device", None, None, False)
        try:
            return handle(*args)
        finally:
            self._stack.close(frame)

    def to_device(self, transfer: Callable[..., Any], *args: Any) -> Any:
        """Called by the hooks."""
        if self._converting:
            return transfer(*args)
        frame = self._stack.open("to_device")
        self._converting = True
        try:
            arrays = transfer(*args)
            self._wait(arrays)
        finally:
            self._converting = False
            self._stack.close(frame)
        return arrays

    def to_host(
        self, door: str, convert: Callable[..., Any], array: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Called by the hooks."""
        if self._converting:
            return convert(array, *args, **kwargs)
        stack = self._stack
        frame = stack.open("device_wait", None, None, False)
        try:
            self._wait_for(array)
        finally:
            stack.close(frame)
        frame = stack.open("to_host", None, None, False)
        self._converting = True
        try:
            value = convert(array, *args, **kwargs)
            # An array may refuse the first door, and is then asked at the next.
            frame.counted = True
            stack.entries["device_wait"] += 1
            return value
        finally:
            self._converting = False
            stack.close(frame)

    def _wait_for_all(self, arrays: Any) -> None:
        frame = self._stack.open("device_wait")
        try:
            self._wait(arrays)
        finally:
            self._stack.close(frame)


class _OtherThread(threading.local):
    """What is open in one thread; it goes with the thread, whose number another one may get."""

    stack: SpanStack | None = None
    frames: list[Frame]
    hit = False


class OtherThreads:
    """Times JAX's compile steps in threads other than the caller's, each by itself."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._here = _OtherThread()
        self._seen: list[tuple[str, SpanStack]] = []

    def begin(self, step: str, name: str) -> None:
        """Called by the hooks, in the other thread."""
        here = self._here
        if here.stack is None:
            here.stack, here.frames = SpanStack(self._clock, ""), []
            here.stack.start()
            self._seen.append((_thread_name(), here.stack))
        here.frames.append(here.stack.open(step, function=f"jit({name})"))

    def end(self, step: str, name: str) -> None:
        """Called by the hooks, in the other thread."""
        here = self._here
        # A step that began before the recording ends without a beginning.
        if here.stack is None or not here.frames or here.frames[-1].phase != step:
            return
        loaded = here.hit and step == "compile"
        if loaded:
            here.hit = False
        here.stack.close(here.frames.pop(), "cache_load" if loaded else None)

    def cache_hit(self) -> None:
        """Called by the hooks, in the other thread."""
        self._here.hit = True

    def found(self) -> tuple[ThreadTime, ...]:
        """Return the steps that have ended, by the name of their threads."""
        by_name: dict[str, Counter[str]] = {}
        for name, stack in list(self._seen):
            by_name.setdefault(name, Counter()).update(_by_phase(dict(stack.slices_ns)))
        return tuple(ThreadTime(name, dict(phases)) for name, phases in by_name.items())


def _thread_name() -> str:
    # `threading.current_thread` would enter a thread that Python did not start in its list.
    number = threading.get_ident()
    names = (one.name for one in threading.enumerate() if one.ident == number)
    return next(names, f"thread {number}")


def _by_phase(slices_ns: dict[tuple[str, str, str], int]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for (_, phase, _), own_ns in slices_ns.items():
        total[phase] += own_ns
    return dict(total)
