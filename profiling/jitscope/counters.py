"""Counters of a run that do not depend on the machine's load: what was traced and compiled.

They may fail a build where times may not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from jitscope._hlo import module_of

if TYPE_CHECKING:
    from jitscope._jax_compiled import Compiled

Number = TypeVar("Number", int, float)

# XLA's analysis counts a loop's body once and the costliest branch, and nothing of a library.
_INEXACT = frozenset(("conditional", "custom-call", "while"))


@dataclass(frozen=True)
class ModuleCounters:
    """One module that was compiled, or loaded from the persistent cache.

    Attributes
    ----------
    name : str
        Name of the jitted function (of the primitive, for an operation outside jit).
    jaxpr_equations : int or None
        Equations of its jaxpr, those of nested jaxprs included; None if it was lowered before
        the recording.
    hlo_instructions : int or None
        Instructions of the optimised module, in all its computations, parameters and
        constants included; None if the backend does not show it.
    temp_bytes : int or None
        Temporary memory of one execution; None if the backend does not tell.
    cache_hit : bool
        Whether it was loaded, not compiled.
    kinds : mapping of str to int, or None
        Instructions of the optimised module by HLO opcode; None if the backend does not show it.
    fused_kernels : int or None
        Those of the opcode ``fusion``.
    peak_bytes : int or None
        Most memory of one execution at a time, arguments and results included; None if the
        backend does not tell.
    flops, bytes_accessed : float or None
        Of one execution, as XLA states them; None of a module with loops (XLA counts a body
        once), branches, or calls of libraries (XLA does not know them).
    """

    name: str
    jaxpr_equations: int | None
    hlo_instructions: int | None
    temp_bytes: int | None
    cache_hit: bool
    kinds: Mapping[str, int] | None = None
    fused_kernels: int | None = None
    peak_bytes: int | None = None
    flops: float | None = None
    bytes_accessed: float | None = None


@dataclass(frozen=True)
class Counters:
    """What a recording counted. A total is None as soon as one of its parts is unknown.

    Attributes
    ----------
    modules : tuple of ModuleCounters
        In the order in which their compilation ended.
    traces : int
        How often JAX traced a function, those inside another traced function not counted.
    host_syncs : int or None
        How often Python asked for what the device computes: conversions of a JAX array to a
        host value, and calls of `block_until_ready`. Whether it had to wait depends on the
        machine's load, so those that found the result ready count, too. None: not counted.
    """

    modules: tuple[ModuleCounters, ...]
    traces: int
    host_syncs: int | None = None

    @property
    def compiled(self) -> int:
        """Number of modules compiled."""
        return sum(not module.cache_hit for module in self.modules)

    @property
    def loaded(self) -> int:
        """Number of modules loaded from the persistent cache."""
        return sum(module.cache_hit for module in self.modules)

    @property
    def jaxpr_equations(self) -> int | None:
        """Jaxpr equations of all modules."""
        return _total(module.jaxpr_equations for module in self.modules)

    @property
    def hlo_instructions(self) -> int | None:
        """HLO instructions of all modules."""
        return _total(module.hlo_instructions for module in self.modules)

    @property
    def temp_bytes(self) -> int | None:
        """Temporary memory of one execution of each module, summed."""
        return _total(module.temp_bytes for module in self.modules)

    @property
    def kinds(self) -> Mapping[str, int] | None:
        """HLO instructions of all modules by opcode."""
        total: Counter[str] = Counter()
        for module in self.modules:
            if module.kinds is None:
                return None
            total.update(module.kinds)
        return dict(total.most_common())

    @property
    def fused_kernels(self) -> int | None:
        """Fused kernels of all modules."""
        return _total(module.fused_kernels for module in self.modules)

    @property
    def peak_bytes(self) -> int | None:
        """The largest peak of a module; 0 without modules."""
        peaks = [module.peak_bytes for module in self.modules]
        known = [peak for peak in peaks if peak is not None]
        return max(known, default=0) if len(known) == len(peaks) else None

    @property
    def flops(self) -> float | None:
        """Operations on floating-point numbers, of one execution of each module, summed."""
        return _total(module.flops for module in self.modules)

    @property
    def bytes_accessed(self) -> float | None:
        """Bytes read and written, of one execution of each module, summed."""
        return _total(module.bytes_accessed for module in self.modules)


class CounterRecorder:
    """Context manager that counts what runs inside it, in one thread.

    Only what is traced or compiled during the recording is counted: a warm function counts
    nothing. Its use of time is small, but it is no timing pass.

    Raises
    ------
    RuntimeError
        Another recorder is active, or this JAX is not supported.

    Examples
    --------
    >>> import jax
    >>> with CounterRecorder() as recorder:
    ...     y = jax.jit(lambda x: x + 1)(2.0)
    >>> recorder.counters.compiled, recorder.counters.jaxpr_equations
    (1, 1)
    """

    def __init__(self) -> None:  # noqa: D107  (the class's docstring says it)
        self._hooks = ExitStack()
        self._modules: list[ModuleCounters] = []
        self._traces = 0
        self._syncs = 0
        self._converting = False
        self._hit = False
        self._compiled: Compiled | None = None
        self._counters: Counters | None = None

    @property
    def counters(self) -> Counters:
        """What was counted.

        Raises
        ------
        RuntimeError
            The recording has not ended.
        """
        if self._counters is None:
            raise RuntimeError("`counters` exists once the `with` block of the recorder has ended.")
        return self._counters

    def __enter__(self) -> Self:
        """Install the hooks."""
        from jitscope import _jax_private as hooks
        from jitscope._jax_compiled import compilations

        with ExitStack() as installed:
            installed.enter_context(hooks.claimed())
            installed.enter_context(hooks.compile_steps(self))
            installed.enter_context(compilations(self._report))
            installed.enter_context(hooks.transfers_to_host(self._to_host))
            installed.enter_context(hooks.waits(self._waited))
            self._hooks.push(installed.pop_all())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the hooks away; exceptions pass through."""
        self._hooks.close()
        self._counters = Counters(tuple(self._modules), self._traces, self._syncs)

    def begin(self, step: str, name: str) -> None:
        """Called by the hooks."""
        self._traces += step == "trace"
        self._hit = False

    def end(self, step: str, name: str) -> None:
        """Called by the hooks."""
        if step == "compile" and self._compiled is not None:
            self._modules.append(_count(name, self._compiled, cache_hit=self._hit))
            self._compiled = None

    def cache_hit(self) -> None:
        """Called by the hooks."""
        self._hit = True

    def _report(self, compiled: "Compiled") -> None:
        self._compiled = compiled

    def _to_host(self, door: str, convert: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._converting:
            return convert(*args, **kwargs)
        self._converting = True
        try:
            value = convert(*args, **kwargs)
        finally:
            self._converting = False
        self._syncs += 1  # an array may refuse the first door, and is then asked at the next
        return value

    def _waited(self) -> None:
        self._syncs += not self._converting


def _count(name: str, compiled: "Compiled", *, cache_hit: bool) -> ModuleCounters:
    kinds = None
    if compiled.hlo_protos is not None:
        modules = map(module_of, compiled.hlo_protos)
        kinds = dict(
            Counter(
                one.opcode for module in modules for one in module.instructions.values()
            ).most_common()
        )
    exact = kinds is not None and compiled.costs is not None and not _INEXACT & kinds.keys()
    return ModuleCounters(
        name,
        compiled.jaxpr_equations,
        compiled.hlo_instructions,
        compiled.temp_bytes,
        cache_hit,
        kinds,
        None if kinds is None else kinds.get("fusion", 0),
        compiled.peak_bytes,
        # XLA leaves out what is 0.
        compiled.costs.get("flops", 0.0) if exact and compiled.costs else None,
        compiled.costs.get("bytes accessed", 0.0) if exact and compiled.costs else None,
    )


def _total(counts: Iterable[Number | None]) -> Number | None:
    total = cast(Number, 0)
    for count in counts:
        if count is None:
            return None
        total += count
    return total
