"""Split one call into phases that add up to its wall time.

JAX reports when it starts and ends tracing, lowering and compiling. Hooks (mode "full" only) see
transfers, executions and waits. Import and backend start are spans of the caller's.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, Literal, Self

from jitscope._callers import Callers
from jitscope._observer import COMPILE_PHASES, CompiledModule, Observer, OtherThreads
from jitscope._spans import SpanStack, Trail
from jitscope.recorded import MOST_SPANS, FunctionPhases, PhasesPass, Span

PHASES = (
    "import",  # the caller's span around imports
    "backend",  # the caller's span around the start of JAX's backend
    "trace",  # Python function to jaxpr
    "lower",  # jaxpr to StableHLO
    "compile",  # StableHLO to an executable
    "cache_load",  # an executable read from the persistent cache instead
    "to_device",  # preparing arguments; host values to arrays
    "dispatch",  # the rest of JAX's work for a jitted call
    "device_wait",  # until results are computed
    "to_host",  # arrays to host values
    "host",  # everything else: Python
)
_HOOKED_PHASES = frozenset({"to_device", "dispatch", "device_wait", "to_host"})


@dataclass(frozen=True)
class PhaseRecord:
    """Where the time of one recording went.

    Attributes
    ----------
    wall_ns : int
        Length of the recording in nanoseconds.
    phases_ns : mapping
        Exclusive nanoseconds for each of `PHASES`; None where a phase was not measured. The
        others add up to `wall_ns` exactly.
    by_stage_ns : mapping
        The same time by stage, then phase; stage "" is the time outside any.
    calls : mapping
        How often each phase, each ``stage:NAME`` and each ``function:MODULE:FUNCTION`` was
        entered.
    modules : tuple of CompiledModule
        In the order in which their compilation ended.
    """

    wall_ns: int
    phases_ns: Mapping[str, int | None]
    by_stage_ns: Mapping[str, Mapping[str, int]]
    calls: Mapping[str, int]
    modules: tuple[CompiledModule, ...]


class PhaseRecorder:
    """Context manager that records the phases of what runs inside it, in one thread.

    The clock runs from the end of entry to the start of exit, without placing and removing the
    hooks; where JAX is imported inside, placing them (5 to 10 ms) counts as part of that span.
    JAX need not be imported yet: it is attached on entry if it is there, else at the end
    of the first `span` during which it was imported, or by `attach_jax`.

    Parameters
    ----------
    mode : {"full", "light"}
        "light" listens to JAX's compile events only. "full" also sees transfers, executions
        and waits: it keeps calls off JAX's C++ fast path and waits after each execution.
    stages : mapping, optional
        ``"module:function" -> stage``: functions, looked up in their module at call time, whose
        time is shown apart. They are wrapped from outside while the recording runs.
    clock : callable, optional
        Returns integer nanoseconds.

    Raises
    ------
    ValueError
        Unknown mode or phase, or a stage function that its module does not have.
    RuntimeError
        Another recorder is active, or this JAX is not supported.

    Examples
    --------
    >>> with PhaseRecorder() as recorder:
    ...     with recorder.span("import"):
    ...         import jax
    >>> recorder.record.phases_ns["import"]  # doctest: +SKIP
    """

    def __init__(  # noqa: D107  (the class's docstring has the parameters)
        self,
        *,
        mode: Literal["full", "light"] = "full",
        stages: Mapping[str, str] | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        if mode not in ("full", "light"):
            raise ValueError(f"`mode` must be 'full' or 'light'; got {mode!r}.")
        for target in stages or {}:
            if target.count(":") != 1:
                raise ValueError(f"a stage function must be 'module:function'; got {target!r}.")
        self._mode = mode
        self._stages = dict(stages or {})
        self._trail = Trail(MOST_SPANS)
        self._stack = SpanStack(clock, "host", self._trail)
        self._others = OtherThreads(clock)
        self._calls: Counter[str] = Counter()
        self._hooks = ExitStack()
        self._observer: Observer | None = None
        self._wrapped: set[str] = set()
        self._thread: int | None = None
        self._record: PhaseRecord | None = None
        self._start_ns = 0

    @property
    def record(self) -> PhaseRecord:
        """The finished record.

        Raises
        ------
        RuntimeError
            The recording has not ended.
        """
        if self._record is None:
            raise RuntimeError("`record` exists once the `with` block of the recorder has ended.")
        return self._record

    @property
    def phases_pass(self) -> PhasesPass:
        """The finished record by function, with requests, other threads and spans.

        Raises
        ------
        RuntimeError
            The recording has not ended.
        """
        record = self.record
        self._trail.prune()
        start_ns = self._start_ns
        spans = tuple(
            Span(begin - start_ns, end - start_ns, phase, function)
            for begin, end, phase, function in self._trail.slices
        )
        return PhasesPass(
            wall_ns=record.wall_ns,
            unobserved_wall_ns=None,
            phases_ns=record.phases_ns,
            functions=self._functions(),
            requests=self._observer.requests.found() if self._observer else (),
            threads=self._others.found(),
            spans=spans,
            spans_dropped=self._trail.dropped,
        )

    def _functions(self) -> tuple[FunctionPhases, ...]:
        by_function: dict[str, dict[str, int]] = {}
        for (_, phase, function), own_ns in self._stack.slices_ns.items():
            if function:
                phases = by_function.setdefault(function, {})
                phases[phase] = phases.get(phase, 0) + own_ns
        executions = self._observer.executions if self._observer else Counter[str]()
        return tuple(
            FunctionPhases(name, executions[name], phases) for name, phases in by_function.items()
        )

    def __enter__(self) -> Self:
        """Install the hooks and start the clock."""
        if self._thread is not None:
            raise RuntimeError("a PhaseRecorder records once; create another one.")
        self._thread = threading.get_ident()
        with ExitStack() as unwind:
            unwind.push(self._hooks)
            self._attach()
            unwind.pop_all()
        self._start_ns = self._stack.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clock and take the hooks away; exceptions pass through."""
        wall_ns = self._stack.finish()
        self._hooks.close()
        self._record = self._summary(wall_ns)

    @contextmanager
    def span(self, phase: str, stage: str | None = None) -> Generator[None, None, None]:
        """Charge the time of a ``with`` block to a phase, except what is seen inside it.

        Parameters
        ----------
        phase : str
            One of `PHASES`.
        stage : str, optional
            Shown as this stage; by default the stage around it.
        """
        if phase not in PHASES:
            raise ValueError(f"`phase` must be one of {', '.join(PHASES)}; got {phase!r}.")
        if not self._recording_here():
            raise RuntimeError("`span` needs the recorder's own `with` block, in its own thread.")
        frame = self._stack.open(phase, stage)
        try:
            yield
            self._attach()
        finally:
            self._stack.close(frame)

    def attach_jax(self) -> None:
        """Start observing JAX and the stages that were imported since; cheap when nothing is new.

        The end of each `span` does it too.
        """
        if not self._recording_here():
            raise RuntimeError("`attach_jax` needs the recorder's own `with` block and thread.")
        self._attach()

    def _recording_here(self) -> bool:
        return self._record is None and self._thread == threading.get_ident()

    def _attach(self) -> None:
        if self._observer is None and "jax" in sys.modules:
            self._observer = self._observe_jax()
        for target, stage in self._stages.items():
            if target not in self._wrapped:
                self._wrap(target, stage)

    def _observe_jax(self) -> Observer:
        # Imported late, as it imports JAX, and JAX's import is a phase to be measured.
        import numpy as np

        from jitscope import _jax_dispatch as dispatch
        from jitscope import _jax_private as hooks
        from jitscope._jax_calls import jitted_calls, signature_of

        callers = Callers([*hooks.packages(), np])
        observer = Observer(self._stack, hooks.wait, hooks.wait_for, signature_of, callers)
        with ExitStack() as installed:
            installed.enter_context(hooks.claimed())
            installed.enter_context(hooks.compile_steps(observer, elsewhere=self._others))
            if self._mode == "full":
                installed.enter_context(jitted_calls(observer.find_jaxpr, observer.call))
                installed.enter_context(dispatch.executions(observer.execute))
                installed.enter_context(dispatch.argument_handling(observer.handle_arguments))
                installed.enter_context(hooks.transfers_to_device(observer.to_device))
                installed.enter_context(hooks.transfers_to_host(observer.to_host))
                installed.enter_context(dispatch.watched_dispatch(observer.execute_fast))
            self._hooks.push(installed.pop_all())
        return observer

    def _wrap(self, target: str, stage: str) -> None:
        module_name, name = target.split(":")
        module = sys.modules.get(module_name)
        if module is None:
            return
        if name not in vars(module):
            raise ValueError(
                f"stage function `{target}` does not exist; name a function of `{module_name}`."
            )
        original = vars(module)[name]
        setattr(module, name, self._timed(original, target, stage))
        self._hooks.callback(setattr, module, name, original)
        self._wrapped.add(target)

    def _timed(self, function: Callable[..., Any], target: str, stage: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if not self._recording_here():
                return function(*args, **kwargs)
            self._calls[f"stage:{stage}"] += 1
            self._calls[f"function:{target}"] += 1
            frame = self._stack.open(stage=stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._stack.close(frame)

        return timed

    def _summary(self, wall_ns: int) -> PhaseRecord:
        phases_ns: dict[str, int | None] = dict.fromkeys(PHASES)
        phases_ns.update(dict.fromkeys(self._seen_phases(), 0))
        by_stage_ns: dict[str, dict[str, int]] = {}
        for (stage, phase, _), own_ns in self._stack.slices_ns.items():
            phases_ns[phase] = (phases_ns[phase] or 0) + own_ns
            of_stage = by_stage_ns.setdefault(stage, {})
            of_stage[phase] = of_stage.get(phase, 0) + own_ns
        seen = {phase: 0 for phase, own_ns in phases_ns.items() if own_ns is not None}
        return PhaseRecord(
            wall_ns,
            phases_ns,
            by_stage_ns,
            {**seen, **self._stack.entries, **self._calls},
            tuple(self._observer.modules) if self._observer else (),
        )

    def _seen_phases(self) -> frozenset[str]:
        """Return the phases whose absence means zero, not unmeasured."""
        if self._observer is None and "jax" in sys.modules:
            return frozenset({"host"})
        if self._mode == "light":
            return COMPILE_PHASES | {"host"}
        return COMPILE_PHASES | _HOOKED_PHASES | {"host"}
