"""Time of the device inside compiled programs, by `jax.named_scope` and by operation."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jitscope._hlo import HloModule, Instruction
from jitscope.recording import DevicePass, OpTime, ScopeTime

if TYPE_CHECKING:
    from jitscope._timeline import Execution

MIXED = "(mixed)"
UNKNOWN = "(unknown)"
_CONTROL = ("while", "conditional")


class DeviceRecorder:
    """Context manager that profiles what the device does inside it, for all threads.

    While it records, JAX's persistent cache is off: programs in it carry the scope names of
    whoever compiled them. All live arrays are waited for at the end. A program whose results
    nobody holds any more cannot be waited for: what it does after the block is not seen.

    Parameters
    ----------
    clock : callable, optional
        Returns integer nanoseconds.

    Raises
    ------
    RuntimeError
        Another recorder or profiler is active, or this JAX is not supported.

    Examples
    --------
    >>> import jax
    >>> with DeviceRecorder() as recorder:
    ...     y = jax.jit(lambda x: x + 1)(2.0)
    >>> [scope.scope for scope in recorder.device.scopes]
    ['(unscoped)']
    """

    def __init__(  # noqa: D107  (the class's docstring has the parameters)
        self, *, clock: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._clock = clock
        self._hooks = ExitStack()
        self._cached: frozenset[str] = frozenset()
        self._start_ns = 0
        self._session: Any = None
        self._device: DevicePass | None = None

    @property
    def device(self) -> DevicePass:
        """What was recorded.

        Raises
        ------
        RuntimeError
            The recording has not ended.
        """
        if self._device is None:
            raise RuntimeError("`device` exists once the `with` block of the recorder has ended.")
        return self._device

    def __enter__(self) -> Self:
        """Start the profiler."""
        from jitscope import _jax_private as hooks
        from jitscope import _jax_profiler as profiler

        with ExitStack() as installed:
            installed.enter_context(hooks.claimed())
            if profiler.disk_cache_is_on():
                self._cached = profiler.module_names()
            installed.enter_context(profiler.without_disk_cache())
            profiler.wait_for_all()  # what was begun before is no part of it
            self._start_ns = self._clock()
            self._session = profiler.start()
            self._hooks.push(installed.pop_all())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the profiler and read the profile; exceptions pass through."""
        from jitscope import _hlo, _timeline
        from jitscope import _jax_profiler as profiler

        with self._hooks:
            try:
                profiler.wait_for_all()
                wall_ns = self._clock() - self._start_ns
            finally:
                profile = self._stop(passing=error is not None)
        if profile is None:
            return
        events = _timeline.events_of(profile)
        self._device = attribute(
            events.executions,
            _hlo.modules_of(profile),
            wall_ns=wall_ns,
            host_to_device=events.device_puts,
            loaded_before=self._cached,
        )

    def _stop(self, *, passing: bool) -> bytes | None:
        from jitscope import _jax_profiler as profiler

        try:
            return profiler.stop(self._session)
        except RuntimeError:
            # The recorded code's own exception must not be replaced.
            if not passing:
                raise
            return None


def attribute(
    executions: "Sequence[Execution]",
    modules: Mapping[str, HloModule],
    *,
    wall_ns: int,
    host_to_device: int | None = None,
    loaded_before: frozenset[str] = frozenset(),
) -> DevicePass:
    """Join executions of operations with the modules that they are in.

    Parameters
    ----------
    executions : sequence of Execution
        In order of time.
    modules : mapping
        By name and number of the program, as ``jit_f(2)``.
    wall_ns : int
        Of the run; what lies behind it is cut off.
    host_to_device : int or None
        What the profiler counted.
    loaded_before : frozenset of str
        Names of modules that may have come from the persistent cache.
    """
    from jitscope._timeline import shares_ns

    ops: dict[tuple[int, str, str], list[Any]] = defaultdict(list)
    for one in executions:
        ops[one.program, one.module, one.op].append(one)
    described = _described(ops, modules)
    times_ns = shares_ns(
        (one.start_ns, max(one.start_ns, min(one.end_ns, wall_ns)), key)
        for key in described
        for one in ops[key]
        if one.start_ns <= wall_ns
    )
    labels = _labels(list(ops))
    table = [
        OpTime(labels[key[:2]], key[2], *described[key], time_ns, len(ops[key]))
        for key, time_ns in times_ns.items()
    ]
    table.sort(key=lambda op: (-op.time_ns, op.module, op.op))
    names = {module for _, module, _ in ops}
    return DevicePass(
        wall_ns,
        sum(times_ns.values()),
        _by_scope(table),
        tuple(table),
        host_to_device,
        tuple(sorted(names & loaded_before)),
    )


def _described(
    ops: Mapping[tuple[int, str, str], Any], modules: Mapping[str, HloModule]
) -> dict[tuple[int, str, str], tuple[str, tuple[str, ...]]]:
    """Opcode and scopes of each operation that does not merely hold others."""
    ran: dict[tuple[int, str], set[str]] = defaultdict(set)
    for program, name, op in ops:
        ran[program, name].add(op)
    described: dict[tuple[int, str, str], tuple[str, tuple[str, ...]]] = {}
    for program, name, op in ops:
        # Without the name it is not unique: a program from the persistent cache keeps its number.
        module = modules.get(f"{name}({program})")
        found = module.instructions.get(op) if module else None
        if module is None or found is None:
            if not op.startswith(_CONTROL):
                described[program, name, op] = ("unknown", ())
            continue
        if found.opcode in _CONTROL:
            continue
        # A call is one kernel, or the operations in it run, and are timed, by themselves.
        if found.opcode == "call" and _holds(module, found, ran[program, name]):
            continue
        described[program, name, op] = (found.opcode, module.scopes(found))
    return described


def _holds(module: HloModule, call: Instruction, ran: set[str]) -> bool:
    return any(one.name in ran for one in module.inside(call))


def _labels(ops: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str], str]:
    """Name each module; later ones of the same name are numbered in order of execution."""
    seen: Counter[str] = Counter()
    labels: dict[tuple[int, str], str] = {}
    for program, name, _ in ops:
        if (program, name) not in labels:
            seen[name] += 1
            labels[program, name] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return labels


def _by_scope(ops: Sequence[OpTime]) -> tuple[ScopeTime, ...]:
    totals: dict[tuple[str, str], list[int]] = defaultdict(partial(list[int], (0, 0)))
    for op in ops:
        scope = MIXED if len(op.scopes) > 1 else op.scopes[0] if op.scopes else UNKNOWN
        total = totals[op.module, scope]
        total[0] += op.time_ns
        total[1] += op.count
    scopes = [ScopeTime(*key, *total) for key, total in totals.items()]
    return tuple(sorted(scopes, key=lambda one: (-one.time_ns, one.module, one.scope)))
